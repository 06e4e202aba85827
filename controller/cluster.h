// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "controller/evidence_collector.h"
#include "controller/image_trust.h"
#include "controller/incident_work.h"
#include "targets/kubernetes/pod_target.h"
#include "targets/kubevirt/machine_target.h"

namespace kintsugi::controller {

/// What the steps about pods, and machines that run in pods, work with. Only references: the process owns the
/// parts.
struct Cluster {
  const targets::ClusterCache& cache;
  const targets::PodTarget& target;
  ImageTrust& trust;
  EvidenceCollector& evidence;
  const targets::MachineTarget& machines;
};

/// A victim's isolation that this process has made.
struct Isolation {
  std::shared_ptr<const targets::Pod> before;
  Action action;
  std::shared_ptr<const targets::Pod> after;  ///< as the API server answered
  WallTime confirmed;
};

/// Makes one change, and counts it.
Result<nlohmann::json> apply(IncidentWork& work, const Action& action,
                             const targets::ApplyOptions& options = {});

}  // namespace kintsugi::controller
