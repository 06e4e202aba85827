// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_steps.h"
#include "controller/probation.h"
#include "targets/kubernetes/redeployment.h"

namespace kintsugi::controller {

StepResult PodSteps::verify(IncidentWork& work) const {
  if (work.playbook()->step<RedeployStep>() == nullptr) return conclude_containment(work);
  const targets::PodTarget& target = work.world().cluster->target;
  const targets::OwnerChain owners =
      target.owners_of(work.target().name_space, work.owner(), work.incident().spec.owner);
  const targets::Replacements now = target.replacements_of(work.target(), owners, work.status().replacement);
  const Finding finding = targets::assess_recovered(now, work.status().images);
  if (finding.holds() && work.status().replacement.empty()) {
    if (const targets::Pod* newest = targets::newest_of(now.pods))
      work.status().replacement = newest->meta.name;
  }
  return conclude_recovery(work, finding);
}

}  // namespace kintsugi::controller
