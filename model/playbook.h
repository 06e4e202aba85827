// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/label_selector.h"
#include "model/hardening.h"
#include "model/mode.h"
#include "model/severity.h"

namespace kintsugi {

/// One entry of `spec.signals`: every given part must match.
struct SignalMatch {
  std::string source;
  std::vector<std::string> rules;  ///< globs, `*` and `?`; empty: any rule
  std::vector<std::string> tags;   ///< all must be present; empty: any
  Severity min_severity = Severity::kInfo;
};

/// A count, or a percentage of a workload's replicas, rounded up and never below one.
struct IntOrPercent {
  unsigned value = 0;
  bool is_percent = false;
  unsigned of(unsigned total) const;
  bool operator==(const IntOrPercent&) const = default;
};

/// Absent means no limit.
struct Guards {
  std::optional<unsigned> max_targets_per_workload;
  std::optional<unsigned> max_targets_per_minute;
  std::optional<IntOrPercent> max_unavailable;  ///< other unready pods of the owner, the victim not counted

  bool has_caps() const { return max_targets_per_workload || max_targets_per_minute || max_unavailable; }
};

struct ContainStep {
  std::string forensics;  ///< profile of exceptions that stay open; empty: none
  /// Of a machine also its processors are stopped. Absent: of a KubeVirt machine they are, of a libvirt
  /// domain they are not; pods have no such thing.
  std::optional<bool> pause{};
};
struct CollectStep {
  // Of a pod.
  bool logs = true;
  bool processes = true;
  bool sockets = true;
  bool events = true;
  // Of a machine.
  bool memory = true;
  bool disks = true;
  bool screenshot = true;
  bool guest_facts = true;          ///< what the guest says of itself
  std::string memory_dump_claim{};  ///< the claim that a KubeVirt machine's memory is written to; empty: none

  /// Nothing: what is usual for the kind of target. A dump has the size of a machine's memory.
  std::optional<std::chrono::seconds> deadline = std::nullopt;

  static constexpr std::chrono::seconds kPodDeadline{20};
  static constexpr std::chrono::seconds kMachineDeadline{600};
};
struct RedeployStep {
  std::string trust_policy;  ///< empty: every policy that matches the image
  std::vector<Hardening> harden;
  bool recreate = false;       ///< bare pods: recreate from a cleaned spec instead of asking a person
  bool suspect_image = false;  ///< the running digest is not to be used again
};
struct VerifyStep {
  std::chrono::seconds ready{120};  ///< deadline for becoming Ready
  std::chrono::seconds quiet{60};   ///< probation
};
struct ReleaseStep {
  enum class Victim : std::uint8_t { kLeave, kDelete };
  Victim victim = Victim::kLeave;
  std::chrono::seconds after{86400};  ///< counted from Closed
};

struct Step {
  std::variant<ContainStep, CollectStep, RedeployStep, VerifyStep, ReleaseStep> arguments;
  bool require_approval = false;

  /// "contain", "collect", "redeploy", "verify", "release".
  std::string_view verb() const;
};

/// Which signals start an incident, what the guards are, which steps run. Immutable once loaded.
struct Playbook {
  std::string name;
  std::vector<SignalMatch> signals;
  Mode mode = Mode::kObserve;
  LabelSelector namespace_selector;  ///< narrows the protected namespaces; empty: all of them
  LabelSelector pod_selector;        ///< empty: all pods
  Guards guards;
  std::vector<Step> steps;  ///< in order, each verb at most once
  std::string hash;         ///< SHA-256 of the canonical document: which version an incident was run with

  /// The step's arguments, or nullptr where the playbook has no such step.
  template <class Arguments>
  const Arguments* step() const {
    for (const Step& step : steps) {
      if (const auto* found = std::get_if<Arguments>(&step.arguments)) return found;
    }
    return nullptr;
  }
  /// Whether the step of that verb exists and waits for a person.
  bool requires_approval(std::string_view verb) const;
};

}  // namespace kintsugi
