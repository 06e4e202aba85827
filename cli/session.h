// SPDX-License-Identifier: Apache-2.0
//
// What a command works with once the cluster is known.
#pragma once

#include <functional>
#include <iosfwd>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "cli/invocation.h"
#include "k8s-client/client/client.h"

namespace kintsugi::cli {

/// Where a person reads and answers. Results go to `out`, everything else to `err`.
struct Console {
  std::ostream& out;
  std::ostream& err;
  bool colour = false;
  /// Shows a question and returns the line that was typed; empty where nobody can be asked.
  std::function<std::string(std::string_view question)> ask;
};

struct Session {
  const Invocation& invocation;
  k8s::Client& client;
  const Clock& clock;
  Console& console;
  std::string user;               ///< who decides, as the kubeconfig names them: a claim, not a proof
  std::string context_namespace;  ///< of the kubeconfig's context
  std::stop_token stop;

  k8s::CallOptions read_options() const;
  /// Carries `dryRun=All` where the server is to try only.
  k8s::CallOptions write_options() const;
  /// A remark for the person, on `err`; `text` is safe.
  void remark(std::string_view text) const;
};

/// What a question came to.
enum class Consent : std::uint8_t { kGiven, kRefused, kNobodyToAsk };

/// Asks "question [y/N]" unless --yes or a dry run makes that needless.
Consent ask_consent(const Session& session, const std::string& question);
/// For what cannot be undone: --confirm or --yes, or the name typed in.
Consent ask_for_name(const Session& session, const std::string& question, const std::string& name);

}  // namespace kintsugi::cli
