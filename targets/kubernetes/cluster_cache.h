// SPDX-License-Identifier: Apache-2.0
//
// What is known of the cluster without asking: slim, indexed copies kept current by watches. Hints of when
// and where to look; whatever is destructive reads live first.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "k8s-client/client/client.h"
#include "targets/isolation/network_policy.h"
#include "targets/kubernetes/objects.h"

namespace kintsugi::targets {

/// Thread-safe. Lookups cost what they return, not what the cluster holds; pointers stay valid and
/// unchanging.
class ClusterCache {
 public:
  /// How a change became known.
  struct Notice {
    bool is_gone = false;
    /// The initial state, or what a gap in the watch hid: may wait for live changes.
    bool from_listing = false;
  };
  /// A pod that came, changed, went, or has started or ended to be ready in an EndpointSlice.
  using PodHandler = std::function<void(const Pod& pod, Notice notice)>;
  using DeploymentHandler = std::function<void(const Deployment& deployment, Notice notice)>;
  using NamespaceHandler = std::function<void(const std::string& name_space, Notice notice)>;

  /// All references must outlive the cache. `jitter` differs from process to process.
  ClusterCache(k8s::Client& client, const Clock& clock, Logger& log, std::uint64_t jitter = 0);
  ~ClusterCache();

  // Handlers run on watch threads: enqueue and return. All before start().
  void on_pod(PodHandler handler);
  void on_deployment(DeploymentHandler handler);
  /// A NetworkPolicy of that namespace, or the namespace itself, changed.
  void on_namespace(NamespaceHandler handler);

  /// One thread for each watch; they end when the threads are destroyed.
  std::vector<std::jthread> start();
  /// Blocks until every first listing is in.
  Result<void> wait_for_sync(MonotonicTime deadline, std::stop_token stop) const;

  std::shared_ptr<const Pod> pod(const std::string& name_space, const std::string& name) const;
  /// Pods one of whose containers has an id that starts with `container_id` (at least 12 hex digits).
  std::vector<std::shared_ptr<const Pod>> pods_by_container(const std::string& container_id) const;
  std::vector<std::shared_ptr<const Pod>> pods_controlled_by(const std::string& owner_uid) const;
  /// Pods that wear the quarantine label.
  std::vector<std::shared_ptr<const Pod>> quarantined_pods(const std::string& name_space) const;
  std::shared_ptr<const ReplicaSet> replica_set(const std::string& name_space, const std::string& name) const;
  std::vector<std::shared_ptr<const ReplicaSet>> replica_sets_controlled_by(
      const std::string& owner_uid) const;
  std::shared_ptr<const Deployment> deployment(const std::string& name_space, const std::string& name) const;
  std::vector<std::shared_ptr<const Deployment>> deployments(const std::string& name_space) const;
  std::shared_ptr<const NamespaceInfo> name_space(const std::string& name) const;
  std::vector<std::string> protected_namespaces() const;

  /// The policies of a namespace, and why some of them could not be read.
  struct Policies {
    std::vector<std::shared_ptr<const isolation::NetworkPolicy>> policies;
    std::vector<Error> unreadable;
  };
  Policies network_policies(const std::string& name_space) const;

  /// Whether some Service of the namespace selects pods with these labels.
  bool has_service_for(const std::string& name_space, const Labels& labels) const;
  /// Whether the pod is ready in some EndpointSlice.
  bool is_serving(const std::string& pod_uid) const;

  /// Of a pod seen lately under this name that is gone: its UID if one of its containers had an id that
  /// starts with `container_id`. Tells a signal about it from one about its namesake.
  std::optional<std::string> departed_pod(const std::string& name_space, const std::string& name,
                                          const std::string& container_id) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kintsugi::targets
