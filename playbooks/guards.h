// SPDX-License-Identifier: Apache-2.0
//
// What is never done, and how much is done at once. Pure functions over plain facts.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/label_selector.h"
#include "model/playbook.h"
#include "model/target.h"

namespace kintsugi::playbooks {

struct GuardVerdict {
  enum class Kind : std::uint8_t {
    kAllowed,
    kNeedsApproval,  ///< a cap is reached: a person decides
    kRefused,        ///< never done, and nobody is asked
  };
  Kind kind = Kind::kAllowed;
  std::string reason;  ///< a clause for people; empty when allowed

  bool allowed() const { return kind == Kind::kAllowed; }
};

/// What is known about a target before anything is done to it.
struct ProtectionFacts {
  TargetRef target;
  std::string own_namespace;  ///< the controller's
  Labels pod_labels;
  std::string priority_class;  ///< `spec.priorityClassName`
  bool is_static = false;      ///< a mirror of a static pod: has the annotation kubernetes.io/config.mirror
};

/// kube-system, kube-public, kube-node-lease.
bool is_system_namespace(std::string_view name);

/// Refuses the own namespace, kube-system, kube-public and kube-node-lease, cluster DNS, node-critical pods
/// and static pods, whatever labels their namespace has. A person who forces the target by name is not asked
/// here.
GuardVerdict check_protection(const ProtectionFacts& facts);

/// What is under way when a target is about to be contained. The target itself is counted nowhere.
struct CapFacts {
  WallTime now;
  std::vector<WallTime> containments;  ///< when other containments were started, in any order
  OwnerRef owner;                      ///< an empty kind: a bare pod, which has no workload to be capped by
  unsigned owner_targets = 0;          ///< other targets of the owner with an open incident that contains
  unsigned owner_replicas = 0;         ///< wanted by the owner
  unsigned owner_unready = 0;          ///< pods of the owner that are not Ready
};

/// Compares with the caps; the first that is reached asks a person.
/// - maxTargetsPerWorkload: targets of one owner at a time.
/// - maxTargetsPerMinute: targets of the last 60 s, whatever their workload.
/// - maxUnavailable: pods of the owner that are away once this one is, of the replicas it wants. A percentage
/// is
///   rounded up and never below one, so that a healthy workload's first victim is always contained.
GuardVerdict check_caps(const Guards& guards, const CapFacts& facts);

}  // namespace kintsugi::playbooks
