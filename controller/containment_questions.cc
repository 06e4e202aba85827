// SPDX-License-Identifier: Apache-2.0
#include "controller/containment_questions.h"

namespace kintsugi::controller {
namespace {

/// Who has answered knows what is in the way: what else is asked is shown.
void tell_of_denial(IncidentWork& work, const std::string& why) {
  if (work.status().awaiting.empty() || work.status().awaiting == "contain") work.await("contain", why);
}

}  // namespace

using playbooks::GuardVerdict;

playbooks::CapFacts caps_by_others(IncidentWork& work, OwnerRef owner) {
  playbooks::CapFacts facts;
  facts.now = work.now();
  facts.owner = std::move(owner);
  for (const auto& other : work.world().store.list()) {
    if (other->name == work.incident().name) continue;
    // Whether or not the proof held: what was isolated counts.
    const auto& isolated = other->status.containment;
    if (isolated && isolated->time) facts.containments.push_back(*isolated->time);
    const bool same_owner = !facts.owner.uid.empty() && other->spec.owner.uid == facts.owner.uid;
    // One that has not been contained yet counts as well, or a burst would pass the cap all at once; the
    // older name wins.
    const bool earlier = other->created < work.incident().created ||
                         (other->created == work.incident().created && other->name < work.incident().name);
    const bool contains =
        other->status.containment.has_value() || (other->status.awaiting != "contain" && earlier);
    if (same_owner && !other->is_over() && contains && mode_of(*other) > Mode::kObserve)
      ++facts.owner_targets;
  }
  return facts;
}

std::optional<StepResult> ask_before_containment(IncidentWork& work, const GuardVerdict& verdict) {
  if (verdict.allowed()) {
    // What nobody needs to answer any more is not to stand before another question.
    if (find_answer(work.incident(), kGuardedQuestion) == nullptr)
      forget_question(work.status(), kGuardedQuestion);
    return std::nullopt;
  }
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
  } else {
    tell_of_denial(work, answer->by + " denied to go on as it is. " + why);
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
  if (answer != nullptr) tell_of_denial(work, answer->by + " denied to put the quarantine back. " + why);
  work.conclude(condition::kContained,
                {ConditionStatus::kFalse, "QuarantineRemoved",
                 "the quarantine was taken away more than 3 times; somebody or something works against it"});
  return false;
}

void take_back_reassertion(IncidentWork& work, const std::string& obstacle) {
  std::uint32_t& reassertions = work.status().containment->reassertions;
  if (reassertions > 0) --reassertions;
  work.conclude(condition::kContained,
                {ConditionStatus::kFalse, "QuarantineRemoved",
                 "the quarantine was taken away by somebody and is not back yet: " + obstacle});
}

}  // namespace kintsugi::controller
