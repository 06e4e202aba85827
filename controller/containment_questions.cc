// SPDX-License-Identifier: Apache-2.0
#include "controller/containment_questions.h"

namespace kintsugi::controller {

using playbooks::GuardVerdict;

std::optional<StepResult> ask_before_containment(IncidentWork& work, const GuardVerdict& verdict) {
  if (verdict.allowed()) return std::nullopt;
  if (verdict.kind == GuardVerdict::Kind::kRefused) {
    work.end(Outcome::kFailed, "Refused", verdict.reason);
    return step_waits();
  }
  const Approval* decision = work.ask("contain", kGuardedQuestion, verdict.reason);
  if (decision == nullptr) {
    work.conclude(condition::kContained, {ConditionStatus::kFalse, "AwaitingApproval", verdict.reason});
    return step_waits(work.world().settings.recheck);
  }
  if (!decision->approved) {
    work.note("Containment was denied by " + decision->by + ": " + decision->reason);
    work.end(Outcome::kReleased, "Denied", "containment was denied by " + decision->by);
    return step_waits();
  }
  work.settle("contain", {});
  return std::nullopt;
}

void ask_to_go_on(IncidentWork& work, const std::string& problem, const std::string& ways_out) {
  const std::string why = problem + "; or approve to go on as it is; " + ways_out;
  const Approval* answer = work.ask("contain", kUncontainedQuestion, why);
  if (answer == nullptr) return;
  if (answer->approved) {
    work.settle("contain", {});
  } else if (work.status().awaiting.empty() || work.status().awaiting == "contain") {
    work.await("contain", answer->by + " denied to go on as it is. " + why);
  }
}

bool may_reassert(IncidentWork& work) {
  std::uint32_t& reassertions = work.status().containment->reassertions;
  if (reassertions < kMaxReassertions) {
    ++reassertions;
    return true;
  }
  const std::string why =
      "the quarantine keeps being removed; approve to put it back again, or release the incident";
  const Approval* answer = work.ask("contain", kRemovedQuestion, why);
  if (answer != nullptr && answer->approved) {
    work.settle("contain", {kRemovedQuestion});
    reassertions = 1;
    return true;
  }
  if (answer != nullptr) work.await("contain", answer->by + " denied to put the quarantine back. " + why);
  work.conclude(condition::kContained,
                {ConditionStatus::kFalse, "QuarantineRemoved",
                 "the quarantine was taken away more than 3 times; somebody or something works against it"});
  return false;
}

}  // namespace kintsugi::controller
