// SPDX-License-Identifier: Apache-2.0
#include "controller/redeployment_questions.h"

#include <algorithm>

#include "controller/collection.h"
#include "controller/probation.h"

namespace kintsugi::controller {

std::optional<StepOutcome> ask_before_redeployment(IncidentWork& work, std::string_view question,
                                                   const std::string& why) {
  const Approval* decision = work.ask("redeploy", question, why);
  if (decision == nullptr) {
    work.conclude(condition::kRedeployed, {ConditionStatus::kFalse, "AwaitingApproval", why});
    return step_waits(work.world().settings.recheck);
  }
  work.settle("redeploy", {});
  if (decision->approved) return std::nullopt;
  work.conclude(condition::kRedeployed,
                {ConditionStatus::kFalse, "Denied", "redeployment was denied by " + decision->by});
  return step_waits(work.world().settings.retry);
}

std::optional<StepOutcome> ask_before_evidence_is_lost(IncidentWork& work, bool has_memory,
                                                       const std::string& ending) {
  if (work.playbook()->step<CollectStep>() == nullptr) return std::nullopt;
  const Condition* evidence = find_condition(work.status(), condition::kEvidencePreserved);
  if (evidence == nullptr) {
    work.conclude(condition::kRedeployed,
                  {ConditionStatus::kFalse, "EvidencePending", "the evidence is not preserved yet"});
    return step_waits(work.world().settings.recheck);
  }
  const bool loses_memory = evidence->reason == kMemoryMissing && has_memory;
  if (evidence->status == ConditionStatus::kTrue && !loses_memory) return std::nullopt;
  return ask_before_redeployment(work, kEvidenceQuestion,
                                 std::string(loses_memory ? "the memory" : "evidence") +
                                     " is not preserved, and " + ending + ": " + evidence->message);
}

StepResult conclude_redeployment(IncidentWork& work, StepResult outcome) {
  const Condition* redeployed = find_condition(work.status(), condition::kRedeployed);
  if (!outcome || outcome->done || redeployed == nullptr) return outcome;
  const Finding finding{ConditionStatus::kFalse, redeployed->reason, redeployed->message};
  const auto late = past_deadline(work, finding);
  if (late || is_true(work.status(), condition::kRecovered)) withdraw_recovery(work, late.value_or(finding));
  return outcome;
}

std::chrono::nanoseconds patience(IncidentWork& work, std::string_view type) {
  const Condition* condition = find_condition(work.status(), type);
  const std::chrono::nanoseconds waited =
      condition == nullptr ? std::chrono::nanoseconds(0) : work.now() - condition->last_transition_time;
  return std::clamp<std::chrono::nanoseconds>(waited, work.world().settings.retry, kMostPatient);
}

}  // namespace kintsugi::controller
