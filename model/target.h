// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace kintsugi {

/// What is recovered. Names come back, UIDs do not: a target without its UID is no target.
struct TargetRef {
  std::string kind = "Pod";
  std::string name_space;
  std::string name;
  std::string uid;

  /// "pod shop/web-1", for messages.
  std::string to_string() const;
  bool operator==(const TargetRef&) const = default;
};

/// The workload that a target belongs to: the top of its owner chain.
struct OwnerRef {
  std::string kind;  ///< "Deployment", "ReplicaSet", …; empty: a bare pod
  std::string name;
  std::string uid;
  bool operator==(const OwnerRef&) const = default;
};

/// The same within the bounds of the incidents' schema: whoever makes an object writes who owns it. One that
/// is cut names nothing that exists.
OwnerRef bounded(OwnerRef owner);

/// The name of the incident of `target`, generation `generation` (from 1): "inc-" and 20 hex digits of the
/// SHA-256 of the UID, "-" and the generation. All replicas, retries and repeats about one target meet in it.
std::string incident_name(const TargetRef& target, unsigned generation);

}  // namespace kintsugi
