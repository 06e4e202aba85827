// SPDX-License-Identifier: Apache-2.0
#include "controller/probation.h"

#include <algorithm>

#include "base/time.h"

namespace kintsugi::controller {
namespace {

/// The service is not back: says why, and that the deadline has passed where it has.
StepResult not_recovered(IncidentWork& work, const Finding& finding) {
  withdraw_recovery(work, past_deadline(work, finding).value_or(finding));
  return step_waits(work.world().settings.recheck);
}

/// Another incident of the same owner that is still open breaks the quiet.
incidents::IncidentStore::Pointer disturbance(IncidentWork& work) {
  const std::string& owner = work.incident().spec.owner.uid;
  if (owner.empty()) return nullptr;
  for (const auto& other : work.world().store.of_owner(owner)) {
    if (other->name != work.incident().name && !other->is_over() && work.status().times.recovered &&
        other->spec.origin.detected > *work.status().times.recovered) {
      return other;
    }
  }
  return nullptr;
}

VerifyStep arguments_of(IncidentWork& work) {
  const auto* step = work.playbook()->step<VerifyStep>();
  return step == nullptr ? VerifyStep() : *step;
}

}  // namespace

std::optional<Finding> past_deadline(IncidentWork& work, const Finding& finding) {
  const std::chrono::seconds deadline = arguments_of(work).ready;
  const IncidentTimes& times = work.status().times;
  const auto& begun = times.redeployed ? times.redeployed : times.contained;
  if (!begun || work.now() <= *begun + deadline) return std::nullopt;
  return Finding{ConditionStatus::kFalse, "DeadlineExceeded",
                 "not back within " + std::to_string(deadline.count()) + " s: " + finding.message};
}

void withdraw_recovery(IncidentWork& work, const Finding& finding) {
  if (work.status().times.recovered) {
    work.note("The service is not back any more: " + finding.message);
    work.status().times.recovered.reset();
  }
  work.conclude(condition::kRecovered, finding);
}

StepResult conclude_recovery(IncidentWork& work, const Finding& finding) {
  if (!finding.holds()) return not_recovered(work, finding);
  if (!work.status().times.recovered) work.status().times.recovered = work.now();
  work.conclude(condition::kRecovered, finding);
  const WallTime quiet_until = *work.status().times.recovered + arguments_of(work).quiet;
  if (work.now() < quiet_until) return step_waits(quiet_until - work.now());
  if (const auto other = disturbance(work)) {
    work.note("Not quiet: incident " + other->name + " is open for the same workload");
    return step_waits(work.world().settings.retry);
  }
  const bool contained = is_true(work.status(), condition::kContained);
  const Approval* accepted = find_answer(work.incident(), kUncontainedQuestion);
  if (!contained && (accepted == nullptr || !accepted->approved))
    return step_waits(work.world().settings.recheck);
  const auto took = *work.status().times.recovered - *work.status().times.detected;
  work.end(
      Outcome::kRecovered, "QuietPeriodPassed",
      "recovered after " + format_duration(std::max(took, std::chrono::nanoseconds(0))) + " and quiet since");
  return step_done();
}

StepResult conclude_containment(IncidentWork& work) {
  if (is_true(work.status(), condition::kContained))
    work.end(Outcome::kContained, "PlaybookEnds", "the playbook has no further step");
  return step_done();
}

}  // namespace kintsugi::controller
