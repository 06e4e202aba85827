// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "controller/collection.h"
#include "controller/evidence_session.h"
#include "controller/slots.h"
#include "evidence/store.h"
#include "k8s-client/client/client.h"
#include "metrics/registry.h"
#include "model/incident.h"
#include "model/playbook.h"
#include "targets/kubernetes/pod_target.h"

namespace kintsugi::controller {

/// Takes into a session what a kind of target has. Looks at the session's deadline and stop by itself; what
/// fails is recorded, and delays nothing else.
using EvidenceTaker = std::function<void(EvidenceSession& session)>;

/// Has evidence taken, unless it is there already. Thread-safe.
class EvidenceCollector {
 public:
  /// `store` may be null: then there is nowhere to keep anything, and collect() says so.
  EvidenceCollector(evidence::Store* store, k8s::Client& client, const targets::PodTarget& target,
                    metrics::Registry& metrics, const Clock& clock);

  /// Runs `take` until `deadline`; `subject` is the collector without which evidence is incomplete. What a
  /// process before a crash has finished is not taken again.
  Result<Collected> collect(const Incident& incident, const std::string& subject, MonotonicTime deadline,
                            std::stop_token stop, const EvidenceTaker& take);
  /// The same of a pod, with everything that the step asks for: PodEvidence.
  Result<Collected> collect(const Incident& incident, const CollectStep& step, MonotonicTime deadline,
                            std::stop_token stop);

  CollectionResults& results() { return results_; }

 private:
  evidence::Store* const store_;
  k8s::Client& client_;
  const targets::PodTarget& target_;
  metrics::Registry& metrics_;
  const Clock& clock_;
  Slots log_slots_;  ///< a log is in memory while it is cut to its newest part
  CollectionResults results_;
};

}  // namespace kintsugi::controller
