// SPDX-License-Identifier: Apache-2.0
#include "cli/session.h"

#include <ostream>

namespace kintsugi::cli {

k8s::CallOptions Session::read_options() const {
  k8s::CallOptions call;
  call.timeout = invocation.request_timeout;
  call.stop = stop;
  return call;
}

k8s::CallOptions Session::write_options() const {
  k8s::CallOptions call = read_options();
  call.dry_run = invocation.dry_run == DryRun::kServer;
  return call;
}

void Session::remark(std::string_view text) const {
  console.err << "kintsugi: " << text << "\n";
}

Consent ask_consent(const Session& session, const std::string& question) {
  if (session.invocation.yes || session.invocation.dry_run != DryRun::kNone) return Consent::kGiven;
  if (!session.console.ask) return Consent::kNobodyToAsk;
  const std::string answer = session.console.ask(question + " [y/N] ");
  return answer == "y" || answer == "Y" || answer == "yes" ? Consent::kGiven : Consent::kRefused;
}

Consent ask_for_name(const Session& session, const std::string& question, const std::string& name) {
  // The command line was checked: --confirm names this incident or is not there.
  const bool is_confirmed = session.invocation.yes || !session.invocation.confirm.empty();
  if (is_confirmed || session.invocation.dry_run != DryRun::kNone) return Consent::kGiven;
  if (!session.console.ask) return Consent::kNobodyToAsk;
  return session.console.ask(question + " Type the incident's name to go on: ") == name ? Consent::kGiven
                                                                                        : Consent::kRefused;
}

}  // namespace kintsugi::cli
