// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "controller/steps.h"

namespace kintsugi::controller {
namespace {

constexpr const char* kJob = "collect";

/// A step's deadline includes its queueing; after twice that a job that hangs is given up on.
constexpr int kPatience = 2;

Finding judge(const Collected& collected) {
  if (!collected.is_durable) {
    return {ConditionStatus::kFalse, "StoreNotDurable",
            "the evidence directory dies with the pod: put it on a persistent volume (" + collected.location +
                ")",
            true};
  }
  if (!collected.has_pod_manifest) {
    return {ConditionStatus::kFalse, "PodManifestMissing", "the pod's manifest could not be kept", true};
  }
  if (collected.failures.empty()) {
    return {ConditionStatus::kTrue, "Complete", "evidence is in " + collected.location, false};
  }
  std::string names;
  for (const std::string& failure : collected.failures) names += (names.empty() ? "" : ", ") + failure;
  return {ConditionStatus::kTrue, "Partial", "evidence is in " + collected.location + "; without " + names,
          false};
}

}  // namespace

StepResult collect(IncidentWork& work) {
  const auto* step = work.playbook()->step<CollectStep>();
  if (step == nullptr || find_condition(work.status(), condition::kEvidencePreserved) != nullptr)
    return step_done();
  World& world = work.world();
  if (auto result = world.evidence.take_result(work.incident().name)) {
    if (*result) {
      const Collected& collected = **result;
      work.status().evidence_location = collected.location;
      work.status().evidence_manifest_sha256 = collected.manifest_sha256;
      const Finding finding = judge(collected);
      if (finding.holds()) work.status().times.evidence_preserved = work.now();
      work.conclude(condition::kEvidencePreserved, finding);
    } else {
      work.conclude(condition::kEvidencePreserved,
                    {ConditionStatus::kFalse, "CollectionFailed", result->error().to_string(), true});
    }
    return step_done();
  }
  const std::string name = work.incident().name;
  world.jobs.start(
      name, work.target().name_space, kJob,
      [&world, incident = work.incident(), arguments = *step](std::stop_token stop) {
        world.evidence.keep_result(incident.name,
                                   world.evidence.collect(incident, arguments, std::move(stop)));
      },
      [&world, name] { world.wake(name); });
  return step_waits(step->deadline * kPatience);
}

}  // namespace kintsugi::controller
