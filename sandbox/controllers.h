// SPDX-License-Identifier: Apache-2.0
//
// The controllers of a cluster that the client relies on, each one pass over the whole store:
// level-triggered, and but for the pods' without state of their own.
#pragma once

#include "sandbox/pod_lifecycle.h"

namespace kintsugi::sandbox {

/// Deployments: one ReplicaSet per template (`pod-template-hash`), rolling update within the default limits
/// (maxSurge and maxUnavailable 25%), status. Not: other strategies, revisions, conditions.
void reconcile_deployments(ObjectStore& store);

/// ReplicaSets: pods are adopted and released by their labels, made, and deleted in the real order of
/// preference (unscheduled, not running, not ready, deletion cost, youngest), status.
void reconcile_replica_sets(ObjectStore& store);

/// One EndpointSlice per Service with a selector.
void reconcile_endpoint_slices(ObjectStore& store);

/// Deletes objects whose owners are all gone (by UID), and the content of namespaces that are being deleted,
/// then these themselves.
void collect_garbage(ObjectStore& store);

/// All of them. Not thread-safe; the store may be written by others meanwhile.
class Controllers {
 public:
  /// All of these must outlive this object.
  Controllers(ObjectStore& store, const Clock& clock, const OciRegistry& registry)
      : store_(store), pods_(store, clock, registry) {}

  /// Runs every controller until nothing changes any more at the present time. Returns the version of the
  /// store that they have seen.
  std::uint64_t settle();
  /// When settle() has something to do again without any write in between.
  MonotonicTime next_due() const { return pods_.next_due(); }

 private:
  ObjectStore& store_;
  PodLifecycle pods_;
};

}  // namespace kintsugi::sandbox
