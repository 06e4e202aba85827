// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "base/clock.h"
#include "base/result.h"
#include "controller/collection.h"
#include "controller/slots.h"
#include "evidence/store.h"
#include "k8s-client/client/client.h"
#include "metrics/registry.h"
#include "model/finding.h"
#include "model/incident.h"
#include "model/playbook.h"
#include "targets/kubernetes/pod_target.h"

namespace kintsugi::controller {

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

  CollectionResults& results() { return results_; }

 private:
  class Session;

  evidence::Store* const store_;
  k8s::Client& client_;
  const targets::PodTarget& target_;
  metrics::Registry& metrics_;
  const Clock& clock_;
  Slots log_slots_;  ///< a log is in memory while it is cut to its newest part
  CollectionResults results_;
};

}  // namespace kintsugi::controller
