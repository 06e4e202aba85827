// SPDX-License-Identifier: Apache-2.0
#include "controller/target_steps.h"
#include "host/domain_steps.h"

namespace kintsugi::host {
namespace {

using controller::step_waits;
using Victim = ReleaseOrder::Victim;

}  // namespace

StepResult DomainSteps::release(IncidentWork& work) const {
  switch (work.incident().spec.release->victim) {
    case Victim::kRestore: return restore(work);
    case Victim::kLeave: return controller::finish_release(work, "the domain is left in quarantine");
    case Victim::kDelete: break;
  }
  work.await("release",
             "a domain is not deleted by Kintsugi, because its disks are evidence: order "
             "'--victim leave' and undefine it yourself, or '--victim restore'");
  return step_waits();
}

StepResult DomainSteps::restore(IncidentWork& work) const {
  if (!controller::leader_may_send(work)) return step_waits(work.world().settings.recheck);
  if (auto restored = domains_.target.restore(work.target().uid, work.incident().name); !restored)
    return fail(std::move(restored).error());
  const auto observed = domains_.target.observe(work.target().uid);
  if (!observed) return fail(observed.error());
  if (!*observed) return controller::finish_release(work, "the domain is gone");
  if ((*observed)->any().incident == work.incident().name) return step_waits(work.world().settings.recheck);
  return controller::finish_release(work, "the domain has its links and devices again");
}

}  // namespace kintsugi::host
