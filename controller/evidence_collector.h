// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "evidence/store.h"
#include "k8s-client/client/client.h"
#include "metrics/registry.h"
#include "model/incident.h"
#include "model/playbook.h"
#include "targets/kubernetes/pod_target.h"

namespace kintsugi::controller {

/// What a finished collection left.
struct Collected {
  std::string location;
  std::string manifest_sha256;
  std::vector<std::string> failures;  ///< names of collectors that came back with nothing
  bool has_pod_manifest = false;
  bool is_durable = false;
};

/// Takes evidence of a pod: its manifest, owners, events, logs, restart counts, processes and sockets.
/// Everything that comes out of the pod was written by an attacker: it is bounded, hashed and kept as bytes,
/// never interpreted. Thread-safe.
class EvidenceCollector {
 public:
  /// `store` may be null: then there is nowhere to keep anything, and collect() says so.
  EvidenceCollector(evidence::Store* store, k8s::Client& client, const targets::PodTarget& target,
                    metrics::Registry& metrics, const Clock& clock);

  /// Runs every collector the step asks for until its deadline; one that fails is recorded and delays no
  /// other. What a process before a crash has finished is not taken again.
  Result<Collected> collect(const Incident& incident, const CollectStep& step, std::stop_token stop);

  /// Between a job and the reconcile that it wakes: a result waits here, in memory only, until it is taken.
  void keep_result(const std::string& incident, Result<Collected> result);
  std::optional<Result<Collected>> take_result(const std::string& incident);

 private:
  class Session;

  evidence::Store* const store_;
  k8s::Client& client_;
  const targets::PodTarget& target_;
  metrics::Registry& metrics_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Result<Collected>> results_;  ///< guarded; by incident
};

}  // namespace kintsugi::controller
