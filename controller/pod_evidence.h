// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "controller/evidence_session.h"
#include "model/playbook.h"
#include "targets/kubernetes/pod_target.h"

namespace kintsugi::controller {

/// Takes evidence of one pod: its manifest, owners, events, logs, restart counts, processes and sockets.
/// Everything that comes out of the pod was written by an attacker: it is bounded, hashed and kept as bytes,
/// never interpreted. For one thread.
class PodEvidence {
 public:
  /// All references must outlive this object. The pod's manifest gets two seconds also after the session's
  /// deadline.
  PodEvidence(EvidenceSession& session, const targets::PodTarget& pods, TargetRef pod);

  /// Everything that the step asks for.
  void take(const CollectStep& step);

  // Or one by one; the pod first.
  void take_pod();
  void take_events();
  void take_logs(const std::string& container);
  /// Of the pod as take_pod() found it.
  std::vector<std::string> containers() const;

 private:
  void take_owners();
  void take_restarts();
  void take_by_exec(const std::string& container, const std::string& collector,
                    const std::vector<std::vector<std::string>>& commands);
  void take_log(const std::string& container, const std::string& collector, bool previous);
  k8s::ObjectKey pod_key() const { return {pod_.name_space, pod_.name}; }
  Result<nlohmann::json> read_pod(MonotonicTime deadline) const;
  Result<nlohmann::json> read_pod_persistently() const;
  int restarts_of(const std::string& container) const;

  EvidenceSession& session_;
  const targets::PodTarget& pods_;
  const TargetRef pod_;
  const MonotonicTime pod_deadline_;
  nlohmann::json document_;
};

}  // namespace kintsugi::controller
