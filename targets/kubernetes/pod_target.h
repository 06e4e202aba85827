// SPDX-License-Identifier: Apache-2.0
//
// The only code that changes a cluster on behalf of an incident, and the live reads that go before it.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "k8s-client/client/client.h"
#include "model/action.h"
#include "model/target.h"
#include "targets/kubernetes/cluster_cache.h"
#include "targets/kubernetes/objects.h"
#include "targets/kubernetes/redeployment.h"

namespace kintsugi::targets {

/// The workload that a pod belongs to. Empty parts: it has none.
struct OwnerChain {
  std::shared_ptr<const ReplicaSet> replica_set;
  std::shared_ptr<const Deployment> deployment;

  /// The top of the chain.
  OwnerRef top() const;
};

/// How urgent and how long.
struct ApplyOptions {
  net::Priority priority = net::Priority::kNormal;
  std::chrono::milliseconds timeout{5000};
  std::stop_token stop;
  bool dry_run = false;
};
k8s::CallOptions call_of(const ApplyOptions& options);

/// Thread-safe.
class PodTarget {
 public:
  /// References must outlive the target.
  PodTarget(k8s::Client& client, const ClusterCache& cache);

  /// Live. Nothing where the pod is gone or its name has come back with another UID.
  Result<std::optional<Pod>> read(const TargetRef& target, std::stop_token stop) const;
  /// The whole object of the same; kNotFound where it is gone.
  Result<nlohmann::json> read_document(const TargetRef& target, std::stop_token stop) const;
  /// Live: the pod that an earlier try has made in the victim's place for an incident. Nothing where the
  /// name is free, or belongs to a pod that was not made so.
  Result<std::optional<Pod>> find_recreated(const std::string& name_space, const std::string& name,
                                            const std::string& incident) const;
  /// Live, by name alone; nothing where there is none.
  Result<std::optional<Pod>> find(const std::string& name_space, const std::string& name) const;
  Result<nlohmann::json> read_deployment(const std::string& name_space, const std::string& name,
                                         std::stop_token stop) const;

  /// From caches: who owns the pod, by its controller reference or, once isolation has cut that, by the
  /// record of it; a Deployment stands for the chain below it. `top` is the owner from before: a Deployment
  /// is found by it also when the ReplicaSet in between is gone, as a rollout with revisionHistoryLimit 0 has
  /// it.
  OwnerChain owners_of(const std::string& name_space, const OwnerRef& controller,
                       const OwnerRef& top = {}) const;
  /// The top of that chain, or the controller where we know no chain of its kind.
  OwnerRef owner_of(const Pod& pod) const;
  /// From caches: the pods that stand where the victim stood. `recreated` names the replacement of a bare
  /// pod.
  Replacements replacements_of(const TargetRef& victim, const OwnerChain& owners,
                               const std::string& recreated) const;

  /// Makes one change. An action that has taken effect already is a success. kConflict where a precondition
  /// does not hold: read live and plan again. kRefused where schema or admission says no. Returns the object
  /// as it is now.
  Result<nlohmann::json> apply(const Action& action, const ApplyOptions& options) const;

  /// Whether the standing quarantine policy of a namespace is as it must be, from the cache.
  bool knows_quarantine_policy(const std::string& name_space) const;
  /// The same, live: a cache may lag behind our own write.
  Result<bool> has_quarantine_policy(const std::string& name_space, const ApplyOptions& options) const;
  /// Makes that policy, or mends it.
  Result<void> ensure_quarantine_policy(const std::string& name_space, const ApplyOptions& options) const;

 private:
  std::shared_ptr<const Deployment> deployment_of(const std::string& name_space, const OwnerRef& owner) const;

  k8s::Client& client_;
  const ClusterCache& cache_;
};

/// The standing policy's name in each protected namespace.
inline constexpr const char* kQuarantinePolicyName = "kintsugi-quarantine";

}  // namespace kintsugi::targets
