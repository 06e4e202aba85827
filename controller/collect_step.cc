// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "controller/pod_steps.h"

namespace kintsugi::controller {
namespace {

constexpr const char* kJob = "collect";

/// Looks again after this many deadlines though no job has woken the incident.
constexpr int kPatience = 2;

Finding judge(const Collected& collected) {
  if (!collected.is_durable) {
    return {ConditionStatus::kFalse, "StoreNotDurable",
            "the evidence directory dies with the pod: put it on a persistent volume (" + collected.location +
                ")"};
  }
  if (!collected.has_pod_manifest) {
    return {ConditionStatus::kFalse, "PodManifestMissing", "the pod's manifest could not be kept"};
  }
  if (collected.failures.empty()) {
    return {ConditionStatus::kTrue, "Complete", "evidence is in " + collected.location};
  }
  std::string names;
  for (const std::string& failure : collected.failures) names += (names.empty() ? "" : ", ") + failure;
  return {ConditionStatus::kTrue, "Partial", "evidence is in " + collected.location + "; without " + names};
}

/// Whether another collection can find anything.
bool pod_exists(IncidentWork& work) {
  const auto pod = work.world().cluster->cache.pod(work.target().name_space, work.target().name);
  return pod != nullptr && pod->meta.uid == work.target().uid;
}

/// What a job has left: the condition, or another attempt.
StepResult conclude(IncidentWork& work, const Result<Collected>& collected) {
  World& world = work.world();
  const std::string& name = work.incident().name;
  const int attempts = world.cluster->evidence.attempts(name);
  const auto finding = judge_collection(collected, attempts, pod_exists(work));
  if (!finding) {
    work.note("Evidence could not be collected, attempt " + std::to_string(attempts) + " of " +
              std::to_string(kMaxCollections) + ": " + collected.error().to_string());
    world.cluster->evidence.postpone(name, world.clock.monotonic() + world.settings.retry);
    return step_waits(world.settings.retry);
  }
  world.cluster->evidence.forget(name);
  if (collected) {
    work.status().evidence_location = collected->location;
    work.status().evidence_manifest_sha256 = collected->manifest_sha256;
  }
  if (finding->holds()) work.status().times.evidence_preserved = work.now();
  work.conclude(condition::kEvidencePreserved, *finding);
  return step_done();
}

}  // namespace

std::optional<Finding> judge_collection(const Result<Collected>& collected, int attempts, bool pod_exists) {
  if (collected) return judge(*collected);
  // Without a store there is nothing that time could change.
  const bool again =
      attempts < kMaxCollections && pod_exists && collected.error().code != ErrorCode::kUnsupported;
  if (again) return std::nullopt;
  return Finding{ConditionStatus::kFalse, "CollectionFailed", collected.error().to_string()};
}

StepResult PodSteps::collect(IncidentWork& work) const {
  const auto* step = work.playbook()->step<CollectStep>();
  if (step == nullptr || find_condition(work.status(), condition::kEvidencePreserved) != nullptr)
    return step_done();
  World& world = work.world();
  const std::string name = work.incident().name;
  if (const auto result = world.cluster->evidence.take_result(name)) return conclude(work, *result);
  const MonotonicTime now = world.clock.monotonic();
  if (const MonotonicTime next = world.cluster->evidence.next_attempt(name); now < next)
    return step_waits(next - now);
  // Counted from here: in a storm a job may wait longer than it runs.
  const MonotonicTime deadline = now + step->deadline;
  world.jobs.start(
      name, work.target().name_space, kJob,
      [&world, incident = work.incident(), arguments = *step, deadline](std::stop_token stop) {
        world.cluster->evidence.keep_result(
            incident.name, world.cluster->evidence.collect(incident, arguments, deadline, std::move(stop)));
      },
      [&world, name] { world.wake(name); });
  return step_waits(step->deadline * kPatience);
}

}  // namespace kintsugi::controller
