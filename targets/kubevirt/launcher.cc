// SPDX-License-Identifier: Apache-2.0
#include "targets/kubevirt/launcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/escape.h"

namespace kintsugi::targets {
namespace {

constexpr std::string_view kAppLabel = "kubevirt.io";
constexpr std::string_view kApiGroupPrefix = "kubevirt.io/";
constexpr std::string_view kLauncherIsolation = "contain/isolate/";

/// By these virt-controller finds a machine's pods and the target of a migration, and virt-api the pod to
/// stop.
constexpr std::array<std::string_view, 5> kKeptLabels{kAppLabel, "kubevirt.io/created-by",
                                                      "kubevirt.io/migrationJobUID",
                                                      "kubevirt.io/migrationName", "kubevirt.io/nodeName"};

Finding not_contained(std::string reason, std::string message) {
  return {ConditionStatus::kFalse, std::move(reason), std::move(message)};
}

/// The networks whose link is down, or is not.
std::string networks_with(const MachineInstance& instance, bool is_down) {
  std::string text;
  for (const MachineNetwork& network : instance.networks) {
    if (network.is_down == is_down) text += (text.empty() ? "" : ", ") + escape(network.network, 64);
  }
  return text;
}

}  // namespace

bool is_launcher(const Pod& pod) {
  return instance_of(pod).has_value();
}

std::optional<TargetRef> instance_of(const Pod& launcher) {
  const OwnerRef& owner = launcher.meta.controller;
  const bool is_owned = owner.kind == kMachineInstanceKind && !owner.name.empty() && !owner.uid.empty() &&
                        launcher.meta.api_version_of_controller.starts_with(kApiGroupPrefix);
  if (!is_owned) return std::nullopt;
  return TargetRef{kMachineInstanceKind, launcher.meta.name_space, owner.name, owner.uid};
}

std::string launcher_isolation_id(const Pod& launcher) {
  return std::string(kLauncherIsolation) + launcher.meta.uid;
}

bool is_launcher_isolation(std::string_view id) {
  return id.starts_with(kLauncherIsolation);
}

Action plan_launcher_isolation(const Pod& launcher, std::string_view incident, std::string_view forensics,
                               const Undo* earlier) {
  Action action = plan_isolation(launcher, incident, forensics, earlier, kKeptLabels);
  action.id = launcher_isolation_id(launcher);
  return action;
}

isolation::QuarantineOptions launcher_quarantine() {
  isolation::QuarantineOptions options;
  options.kept_keys.assign(kKeptLabels.begin(), kKeptLabels.end());
  return options;
}

PauseVerdict may_pause(const MachineInstance& instance) {
  if (instance.has_liveness_probe)
    return {false, false, "it has a liveness probe, with which KubeVirt pauses no machine"};
  if (instance.is_migrating) return {false, true, "it is being migrated"};
  if (instance.phase != "Running")
    return {false, !instance.is_final(), "it does not run: " + escape(instance.phase, 64)};
  return {true, false, ""};
}

Finding assess_machine(const MachineInstance& instance, const std::vector<LauncherProof>& launchers,
                       bool is_pause_wanted, const LinkNote& links) {
  std::string said;
  for (const LauncherProof& launcher : launchers) {
    const std::string message = fmt::format("launcher {}: {}", launcher.pod, launcher.proof.message());
    if (!launcher.proof.isolated) return not_contained(std::string(launcher.proof.reason()), message);
    said += (said.empty() ? "" : "; ") + message;
  }
  const std::string processors =
      instance.paused ? "its processors are stopped" : "its processors are not stopped";
  if (const std::string up = networks_with(instance, false); !up.empty()) {
    const std::string problem = fmt::format("no NetworkPolicy reaches the network {}; {}", up, processors);
    if (links.is_pending) return not_contained("LinksNotDown", problem + "; its link is asked to go down");
    return not_contained("SecondaryNetworks",
                         problem + (links.why_not.empty() ? "" : "; its link stays up: " + links.why_not));
  }
  if (const std::string down = networks_with(instance, true); !down.empty())
    said += "; the link of " + down + " is down";
  if (is_pause_wanted && !instance.paused) {
    const PauseVerdict verdict = may_pause(instance);
    if (verdict.possible || verdict.pending) {
      return not_contained("NotPaused", processors + (verdict.possible ? "" : ": " + verdict.why_not));
    }
    return {ConditionStatus::kTrue, "PolicyEvaluated", said + "; not paused: " + verdict.why_not};
  }
  return {ConditionStatus::kTrue, instance.paused ? "Paused" : "PolicyEvaluated", said + "; " + processors};
}

}  // namespace kintsugi::targets
