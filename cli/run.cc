// SPDX-License-Identifier: Apache-2.0
#include "cli/run.h"

#include <unistd.h>

#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "base/escape.h"
#include "base/user_name.h"
#include "base/version.h"
#include "cli/commands.h"
#include "cli/document_text.h"
#include "cli/trust.h"
#include "k8s-client/client/connect.h"
#include "model/incident_json.h"

namespace kintsugi::cli {
namespace {

constexpr std::size_t kMaxUserBytes = 200;  // "opened by …" and the schema's 253 for `by`

bool wants_colour(const Invocation& invocation, const Surroundings& surroundings) {
  return surroundings.out_is_terminal && !invocation.no_color &&
         surroundings.environment("NO_COLOR").empty() && surroundings.environment("TERM") != "dumb";
}

/// Who the API server will take us for, as far as the configuration tells.
std::string user_of(const k8s::ClusterConfig& config, const k8s::Environment& environment) {
  for (const std::string& name : {config.impersonation.user, config.user_name, environment("USER")}) {
    if (!name.empty()) return escape(name, kMaxUserBytes);
  }
  return "unknown";
}

std::string version_text(OutputFormat format) {
  const nlohmann::json document = {{"clientVersion", {{"version", version()}, {"apiVersion", kApiVersion}}}};
  switch (format) {
    case OutputFormat::kJson: return to_json_text(document);
    case OutputFormat::kYaml: return to_yaml_text(document);
    default: return "kintsugi " + std::string(version()) + " (" + std::string(kApiVersion) + ")\n";
  }
}

Result<ExitCode> dispatch(const Session& session) {
  switch (session.invocation.verb) {
    case Verb::kList: return run_list(session);
    case Verb::kDescribe: return run_describe(session);
    case Verb::kTimeline: return run_timeline(session);
    case Verb::kOpen: return run_open(session);
    case Verb::kApprove:
    case Verb::kDeny: return run_decide(session);
    case Verb::kHold:
    case Verb::kResume: return run_hold(session);
    case Verb::kRelease: return run_release(session);
    case Verb::kReport: return run_report(session);
    case Verb::kCheck: return run_check(session);
    case Verb::kBackup: return run_backup(session);
    case Verb::kCompleteIncident: return run_complete_incident(session);
    case Verb::kVersion: break;  // needs no cluster
  }
  return ExitCode::kDone;
}

ExitCode end(const Ended& ended, const Surroundings& surroundings) {
  surroundings.out << ended.out;
  surroundings.err << ended.err;
  return ended.code;
}

/// The advice for clusters does not help on a host.
Error with_host_advice(Error error, const Invocation& invocation) {
  if (error.code == ErrorCode::kForbidden)
    error.advice = "run it as root, or as the user whom kintsugi-controller runs as";
  if (error.code != ErrorCode::kUnavailable) return error;
  error.object = "control socket " + escape(invocation.host);
  error.advice =
      "check that kintsugi-controller runs on this host, that this is its --control-socket, and that you are "
      "root or its user";
  return error;
}

Result<ExitCode> connect_and_dispatch(const Invocation& invocation, const Surroundings& surroundings) {
  k8s::ConnectOptions options;
  options.kubeconfig = invocation.kubeconfig;
  options.environment = surroundings.environment;
  options.unix_socket = invocation.host;
  options.user_agent = k8s::make_user_agent("kintsugi", version(), "");
  const auto connection = k8s::connect(options, surroundings.clock, surroundings.make_transport, nullptr);
  if (!connection) return fail(connection.error());
  k8s::Client& client = (*connection)->client();
  const k8s::ClusterConfig& config = (*connection)->config();
  Console console{surroundings.out, surroundings.err, wants_colour(invocation, surroundings),
                  surroundings.ask};
  client.set_warning_sink([&](std::string_view text) { console.err << "Warning: " << text << "\n"; });
  // On a host it is the kernel that names us.
  std::string user =
      invocation.host.empty() ? user_of(config, surroundings.environment) : user_name(::geteuid());
  auto ended = dispatch({invocation, client, surroundings.clock, console, std::move(user),
                         config.default_namespace, surroundings.stop});
  return ended || invocation.host.empty() ? ended
                                          : fail(with_host_advice(std::move(ended).error(), invocation));
}

}  // namespace

ExitCode run(const std::vector<std::string>& arguments, const Surroundings& surroundings) {
  if (arguments.size() > 1 && arguments[1] == "trust") {
    const auto asked = parse_trust_command_line(arguments);
    const auto* ended = std::get_if<Ended>(&asked);
    return ended != nullptr ? end(*ended, surroundings)
                            : run_trust(std::get<TrustInvocation>(asked), surroundings);
  }
  const auto parsed = parse_command_line(arguments);
  if (const auto* ended = std::get_if<Ended>(&parsed)) return end(*ended, surroundings);
  const auto& invocation = std::get<Invocation>(parsed);
  if (invocation.verb == Verb::kVersion) {
    surroundings.out << version_text(invocation.output);
    return ExitCode::kDone;
  }
  const auto ended = connect_and_dispatch(invocation, surroundings);
  if (ended) return *ended;
  surroundings.err << "kintsugi: " << ended.error().to_string() << "\n";
  return ExitCode::kError;
}

}  // namespace kintsugi::cli
