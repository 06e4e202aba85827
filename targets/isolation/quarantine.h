// SPDX-License-Identifier: Apache-2.0
//
// The labels and the standing policy that a quarantine is made of.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/label_selector.h"
#include "targets/isolation/network_policy.h"

namespace kintsugi::isolation {

/// On each victim, always "true": a value per victim would be a new identity for CNIs that derive one from
/// labels.
inline constexpr std::string_view kQuarantineLabel = "kintsugi.dev/quarantine";
/// On a victim whose playbook leaves exceptions open: the name of the profile.
inline constexpr std::string_view kForensicsLabel = "kintsugi.dev/forensics";

/// What a quarantine leaves on its victim besides the quarantine label.
struct QuarantineOptions {
  std::string forensics;               ///< profile of the exceptions; empty: none
  std::vector<std::string> kept_keys;  ///< labels that stay; each one can keep the victim selected
};

/// What a pod with `labels` wears once it is in quarantine. Nothing is taken over unless `kept_keys` names
/// it, and neither of our own two labels is: a template must not choose its pods' forensic profile.
Labels labels_after_quarantine(const Labels& labels, const QuarantineOptions& options);

/// An object that chooses pods by labels: a ReplicaSet, Service, PodDisruptionBudget, …
struct NamedSelector {
  std::string kind;
  std::string name;
  std::optional<LabelSelector> selector;  ///< absent: chooses no pod, as a Service without a selector
};

/// Which of `selectors`, all of the pod's namespace, choose a pod with these labels: "Service web", escaped,
/// in the given order. Empty is what a quarantine needs.
std::vector<std::string> selectors_matching(const Labels& labels, std::span<const NamedSelector> selectors);

/// The standing policy of a namespace as JSON: it denies both directions to pods in quarantine, and selects
/// no other.
std::string quarantine_policy_manifest(std::string_view name_space, std::string_view name);

/// How `policy` differs from what quarantine_policy_manifest() makes, in a few words ("has egress rules");
/// empty when it still does exactly that. Compares what the policy does, not its metadata.
std::string quarantine_policy_drift(const NetworkPolicy& policy);

inline bool is_quarantine_policy_intact(const NetworkPolicy& policy) {
  return quarantine_policy_drift(policy).empty();
}

}  // namespace kintsugi::isolation
