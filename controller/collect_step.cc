// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_steps.h"

namespace kintsugi::controller {
namespace {

bool pod_exists(const IncidentWork& work, const World& world) {
  const TargetRef& target = work.incident().spec.target;
  const auto pod = world.cluster->cache.pod(target.name_space, target.name);
  return pod != nullptr && pod->meta.uid == target.uid;
}

}  // namespace

StepResult PodSteps::collect(IncidentWork& work) const {
  const auto* step = work.playbook()->step<CollectStep>();
  if (step == nullptr || find_condition(work.status(), condition::kEvidencePreserved) != nullptr)
    return step_done();
  EvidenceCollector& collector = work.world().cluster->evidence;
  return collect_in_job(work,
                        {.results = collector.results(),
                         .words = kPodWords,
                         .deadline = step->deadline.value_or(CollectStep::kPodDeadline),
                         .target_exists = [&work] { return pod_exists(work, work.world()); },
                         .run =
                             [&collector, arguments = *step](const Incident& incident, MonotonicTime deadline,
                                                             std::stop_token stop) {
                               return collector.collect(incident, arguments, deadline, std::move(stop));
                             }});
}

}  // namespace kintsugi::controller
