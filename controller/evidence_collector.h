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
#include "controller/slots.h"
#include "evidence/store.h"
#include "k8s-client/client/client.h"
#include "metrics/registry.h"
#include "model/finding.h"
#include "model/incident.h"
#include "model/playbook.h"
#include "targets/kubernetes/pod_target.h"

namespace kintsugi::controller {

/// What a finished collection left.
struct Collected {
  std::string location;
  std::string manifest_sha256;
  std::vector<std::string> failures;  ///< names of collectors that came back with nothing, or cut short
  bool has_pod_manifest = false;
  bool is_durable = false;
};

constexpr int kMaxCollections = 3;

/// What a collection says about EvidencePreserved. Nothing: it failed as a whole, fewer than kMaxCollections
/// `attempts` were made, and the pod is still there, so that another may do better.
std::optional<Finding> judge_collection(const Result<Collected>& collected, int attempts, bool pod_exists);

/// Takes evidence of a pod: its manifest, owners, events, logs, restart counts, processes and sockets.
/// Everything that comes out of the pod was written by an attacker: it is bounded, hashed and kept as bytes,
/// never interpreted. Thread-safe.
class EvidenceCollector {
 public:
  /// `store` may be null: then there is nowhere to keep anything, and collect() says so.
  EvidenceCollector(evidence::Store* store, k8s::Client& client, const targets::PodTarget& target,
                    metrics::Registry& metrics, const Clock& clock);

  /// Runs every collector the step asks for until `deadline`; one that fails is recorded and delays no other.
  /// The pod's manifest gets two seconds also after it. What a process before a crash has finished is not
  /// taken again.
  Result<Collected> collect(const Incident& incident, const CollectStep& step, MonotonicTime deadline,
                            std::stop_token stop);

  // Between a job and the reconcile that it wakes: a result waits here, in memory only, until it is taken.
  void keep_result(const std::string& incident, Result<Collected> result);
  std::optional<Result<Collected>> take_result(const std::string& incident);
  /// How many results were kept since the start of the process or forget().
  int attempts(const std::string& incident) const;
  void postpone(const std::string& incident, MonotonicTime until);
  /// What postpone() was given last; in the past where it was not called.
  MonotonicTime next_attempt(const std::string& incident) const;
  void forget(const std::string& incident);

 private:
  class Session;
  struct Attempts {
    int made = 0;
    MonotonicTime next{};
    std::optional<Result<Collected>> result;
  };

  evidence::Store* const store_;
  k8s::Client& client_;
  const targets::PodTarget& target_;
  metrics::Registry& metrics_;
  const Clock& clock_;
  Slots log_slots_;  ///< a log is in memory while it is cut to its newest part
  mutable std::mutex mutex_;
  std::map<std::string, Attempts> attempts_;  ///< guarded; by incident
};

}  // namespace kintsugi::controller
