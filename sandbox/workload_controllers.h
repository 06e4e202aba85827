// SPDX-License-Identifier: Apache-2.0
//
// The controllers of a cluster that the client relies on, each one pass over the whole store:
// level-triggered, without state of their own. A pass that changed something is followed by another, see
// controllers.h.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "sandbox/object_store.h"

namespace kintsugi::sandbox {

/// Deployments: one ReplicaSet per template (`pod-template-hash`), rolling update within maxSurge and
/// maxUnavailable, revisions and their history limit, status. Not: Recreate, pausing, proportional scaling,
/// progress deadlines, minReadySeconds.
void reconcile_deployments(ObjectStore& store, const std::string& now);

/// ReplicaSets: pods are adopted and released by their labels, made, and deleted in the real order of
/// preference (unscheduled, not running, not ready, deletion cost, youngest), status.
void reconcile_replica_sets(ObjectStore& store);

/// One EndpointSlice per Service with a selector.
void reconcile_endpoint_slices(ObjectStore& store);

/// Deletes objects whose owners are all gone (by UID), and the content of namespaces that are being deleted,
/// then these themselves.
void collect_garbage(ObjectStore& store);

/// "25%" of `total`, rounded up or down, or the integer itself.
std::int64_t int_or_percent(const nlohmann::json& value, std::int64_t total, bool round_up);

}  // namespace kintsugi::sandbox
