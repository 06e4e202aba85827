// SPDX-License-Identifier: Apache-2.0
//
// What a command line asks for, as values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "cli/exit_code.h"
#include "k8s-client/auth/kubeconfig.h"
#include "model/decision.h"

namespace kintsugi::cli {

enum class Verb : std::uint8_t {
  kList,
  kDescribe,
  kTimeline,
  kOpen,
  kApprove,
  kDeny,
  kHold,
  kResume,
  kRelease,
  kReport,
  kCheck,
  kBackup,  ///< of a host
  kVersion,
  kCompleteIncident,  ///< the names that a shell may complete to
};

enum class OutputFormat : std::uint8_t { kTable, kWide, kJson, kYaml, kName, kCsv, kMarkdown };

/// Where a host says that its incidents are.
inline constexpr const char* kHostNamespace = "host";

enum class DryRun : std::uint8_t {
  kNone,
  kClient,  ///< reads, shows the change, writes nothing
  kServer,  ///< the server validates and admits the change and stores nothing
};

/// Longer than anybody waits, and what a clock can still be set forward by.
inline constexpr std::chrono::milliseconds kNoTimeout = std::chrono::days(3650);

struct Invocation {
  Verb verb = Verb::kList;
  /// How the command was called, with the flags that chose cluster and namespace, quoted for a shell: what
  /// commands that are suggested begin with.
  std::string program;

  k8s::KubeconfigOptions kubeconfig;
  /// The control socket of the controller on this hypervisor; empty: it is about a cluster.
  std::string host;
  std::string name_space = "kintsugi-system";  ///< with a host kHostNamespace
  std::chrono::milliseconds request_timeout{5000};
  OutputFormat output = OutputFormat::kTable;
  bool no_color = false;

  // list, timeline
  bool no_headers = false;
  bool watch = false;
  bool all_namespaces = false;
  std::string selector;  ///< of labels, in the API's text form

  // what changes something
  DryRun dry_run = DryRun::kNone;
  bool yes = false;              ///< no question is asked
  bool error_unchanged = false;  ///< what is so already ends with kNothingChanged
  std::string incident;          ///< also describe, timeline; empty: all (list)
  std::string step;              ///< empty: the one that waits
  std::string reason;
  ReleaseOrder::Victim victim = ReleaseOrder::Victim::kRestore;
  std::string confirm;  ///< the incident's name once more, for what cannot be undone

  // list, open, check
  std::string pod_namespace;  ///< empty: that of the kubeconfig's context (open), all (list, check)
  std::string pod_name;
  std::string domain;  ///< open, with a host: which one
  std::string playbook;
  std::string severity = "error";  ///< a word that parse_severity() knows

  std::string file;  ///< backup: where to

  // report
  std::chrono::milliseconds since = std::chrono::days(90);
  std::string by = "severity";
};

/// `arguments` with the program's name first; a name that begins with "kubectl-" is a plugin's and shown as
/// "kubectl kintsugi", and "kubectl_complete-kintsugi" is asked what its words could be completed to.
std::variant<Invocation, Ended> parse_command_line(const std::vector<std::string>& arguments);

}  // namespace kintsugi::cli
