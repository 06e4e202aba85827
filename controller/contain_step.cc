// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "controller/containment_questions.h"
#include "controller/pod_isolation.h"
#include "controller/pod_steps.h"
#include "playbooks/guards.h"
#include "targets/kubernetes/containment.h"
#include "targets/kubevirt/launcher.h"

namespace kintsugi::controller {
namespace {

using playbooks::GuardVerdict;
using targets::Pod;

/// The victim as a cache knows it, or live; nullptr: gone. What was contained once is always looked at live
/// before it is called anything else, because a cache may lag behind our own write.
Result<PodPointer> observe(IncidentWork& work) {
  const TargetRef& target = work.target();
  auto cached = work.world().cluster->cache.pod(target.name_space, target.name);
  const bool known = cached != nullptr && cached->meta.uid == target.uid;
  if (known && (is_in_quarantine_of(*cached, work.incident()) || !work.status().containment)) return cached;
  auto live = work.world().cluster->target.read(target, {});
  if (!live) return tl::unexpected(std::move(live).error());
  if (!*live) return PodPointer();
  return std::make_shared<const Pod>(std::move(**live));
}

playbooks::CapFacts cap_facts(IncidentWork& work, const Pod& victim) {
  World& world = work.world();
  const targets::OwnerChain owners =
      world.cluster->target.owners_of(victim.meta.name_space, victim.meta.controller);
  playbooks::CapFacts facts = caps_by_others(work, world.cluster->target.owner_of(victim));
  const targets::Replacements siblings = world.cluster->target.replacements_of(work.target(), owners, "");
  facts.owner_replicas = siblings.wanted;
  for (const Pod& pod : siblings.pods) {
    if (!pod.ready) ++facts.owner_unready;
  }
  return facts;
}

GuardVerdict judge(IncidentWork& work, const Pod& victim) {
  GuardVerdict protection =
      playbooks::check_protection({work.target(), work.world().settings.name_space, victim.meta.labels,
                                   victim.priority_class, victim.is_static});
  if (!protection.allowed()) return protection;
  if (targets::is_launcher(victim)) return {GuardVerdict::Kind::kRefused, kLauncherTaboo};
  if (!targets::can_release_by_labels(victim) && !victim.quarantined()) {
    return {GuardVerdict::Kind::kNeedsApproval,
            "owner not supported yet: a " + victim.meta.controller.kind +
                " may react badly to its pod's labels being taken away; approve to isolate it all the same"};
  }
  const Guards& guards = work.playbook()->guards;
  if (guards.has_caps()) {
    const GuardVerdict caps = playbooks::check_caps(guards, cap_facts(work, victim));
    if (!caps.allowed()) return caps;
  }
  if (work.playbook()->requires_approval("contain")) {
    return {GuardVerdict::Kind::kNeedsApproval, "the playbook asks for approval before containment"};
  }
  return {};
}

/// What else a person may do about a victim that is not contained.
std::string ways_out(IncidentWork& work) {
  std::string ways = "or 'kintsugi release " + work.incident().name +
                     " --victim delete' to delete the pod after its evidence";
  if (const auto& record = work.status().containment; record && !record->node.empty())
    ways += "; or keep other pods from its node: 'kubectl cordon " + record->node + "'";
  return ways;
}

/// Says what is true of a victim that wears the quarantine label, as it was seen `at`.
StepResult assess(IncidentWork& work, const Pod& victim, WallTime at) {
  const isolation::IsolationProof proof = prove_isolation_of(work.world(), victim);
  Finding finding{proof.isolated ? ConditionStatus::kTrue : ConditionStatus::kFalse,
                  std::string(proof.reason()), proof.message()};
  work.conclude(condition::kContained, finding);
  if (finding.holds()) {
    if (!work.status().times.contained) work.status().times.contained = at;
    work.settle("contain", {kUncontainedQuestion, kRemovedQuestion});
  } else {
    ask_to_go_on(work, finding.message + ". Close what leaks", ways_out(work));
  }
  return step_done();
}

StepResult gone(IncidentWork& work) {
  work.conclude(condition::kContained, {ConditionStatus::kTrue, "VictimGone",
                                        "the pod no longer exists; nothing was isolated by us last"});
  work.settle("contain", {kUncontainedQuestion, kRemovedQuestion});
  return step_done();
}

/// The plan of an incident that may change nothing, for people to read.
StepResult record_plan(IncidentWork& work, const Pod& victim) {
  const Action action = targets::plan_isolation(victim, work.incident().name, "");
  if (auto kept = work.journal(action, JournalEntry::State::kPlanned); !kept)
    return tl::unexpected(kept.error());
  work.conclude(condition::kContained, {ConditionStatus::kFalse, "ObserveOnly",
                                        "mode observe: the plan is in the journal, nothing was changed"});
  return step_done();
}

void remember(IncidentWork& work, const Pod& before, const Action& action, WallTime at) {
  if (!work.status().containment) {
    work.status().containment = targets::containment_record(before);
    work.status().containment->time = at;
  }
  Action kept = action;
  kept.undo = json_text(nlohmann::json({{"labels", work.status().containment->labels}}));
  if (!work.journal(kept, JournalEntry::State::kApplied))
    work.note("The journal is full: the undo is in the pod only");
}

StepResult conclude_isolation(IncidentWork& work) {
  const Isolation& isolation = *work.isolation();
  remember(work, *isolation.before, isolation.action, isolation.confirmed);
  return assess(work, *isolation.after, isolation.confirmed);
}

/// The cluster does not let us isolate. The service may be brought back all the same.
StepResult refused(IncidentWork& work, const char* reason, const Error& error) {
  work.conclude(condition::kContained, {ConditionStatus::kFalse, reason, error.to_string()});
  ask_to_go_on(work, "the victim cannot be isolated: " + error.to_string(), ways_out(work));
  return step_done();
}

/// What an earlier isolation took from the pod: this incident's, or that of the one that holds it. A pod
/// outside of any quarantine has lost nothing, whatever its annotation says.
std::optional<targets::Undo> earlier_undo(IncidentWork& work, const Pod& victim) {
  if (work.status().containment) return targets::find_undo(victim, work.status().containment);
  if (!victim.quarantined()) return std::nullopt;
  std::optional<ContainmentRecord> record;
  for (const auto& other : work.world().store.of_target(victim.meta.uid)) {
    if (other->name == victim.incident) record = other->status.containment;
  }
  return targets::find_undo(victim, record);
}

StepResult isolate(IncidentWork& work, PodPointer victim, const std::function<bool()>& may_send,
                   std::chrono::milliseconds timeout) {
  const auto* step = work.playbook()->step<ContainStep>();
  const auto plan = [&](const Pod& live) {
    const auto earlier = earlier_undo(work, live);
    return targets::plan_isolation(live, work.incident().name, step == nullptr ? "" : step->forensics,
                                   earlier ? &*earlier : nullptr);
  };
  auto tried = isolate_pod(work, std::move(victim), plan, may_send, timeout);
  if (!tried) return tl::unexpected(std::move(tried).error());
  using Outcome = PodIsolation::Outcome;
  switch (tried->outcome) {
    case Outcome::kNotNow: break;
    case Outcome::kGone: return gone(work);
    case Outcome::kPolicyRefused: return refused(work, "PolicyRefused", tried->refusal);
    case Outcome::kPatchRefused: return refused(work, "PatchRefused", tried->refusal);
    case Outcome::kFoundDone:
      remember(work, *tried->after, tried->action, work.now());
      return assess(work, *tried->after, work.now());
    case Outcome::kDone:
      work.set_isolation(std::make_shared<const Isolation>(
          Isolation{tried->before, tried->action, tried->after, work.now()}));
      return conclude_isolation(work);
  }
  return step_waits(work.world().settings.recheck);
}

/// Somebody took the label away: it is put back.
StepResult reassert(IncidentWork& work, const PodPointer& victim, const std::function<bool()>& may_send,
                    std::chrono::milliseconds timeout) {
  if (!may_reassert(work)) return step_waits(work.world().settings.recheck);
  work.note("The quarantine was taken away by somebody and is put back");
  if (auto saved = work.save(); !saved) return tl::unexpected(std::move(saved).error());
  StepResult isolated = isolate(work, victim, may_send, timeout);
  if (!isolated) take_back_reassertion(work, isolated.error().to_string());
  if (isolated && !isolated->done) take_back_reassertion(work, "it may not be written now");
  return isolated;
}

}  // namespace

StepResult PodSteps::contain(IncidentWork& work, const std::function<bool()>& may_send,
                             std::chrono::milliseconds timeout) const {
  if (work.isolation() && !work.status().containment) return conclude_isolation(work);
  auto observed = observe(work);
  if (!observed) return tl::unexpected(std::move(observed).error());
  const PodPointer victim = *observed;
  if (victim == nullptr) return gone(work);
  if (is_in_quarantine_of(*victim, work.incident())) {
    if (!work.status().containment) {
      // Isolated by a winner that was not us, or by us before a crash: what it took travels with the pod.
      remember(work, *victim, targets::plan_isolation(*victim, work.incident().name, ""), work.now());
    }
    const auto kept = keep_quarantine_policy(work);
    if (!kept && kept.error().is_refusal()) return refused(work, "PolicyRefused", kept.error());
    if (!kept) return tl::unexpected(kept.error());
    if (!*kept) return step_waits(work.world().settings.recheck);
    return assess(work, *victim, work.now());
  }
  if (work.mode() <= Mode::kObserve) return record_plan(work, *victim);
  if (work.status().containment) return reassert(work, victim, may_send, timeout);
  if (auto asked = ask_before_containment(work, judge(work, *victim))) return *asked;
  return isolate(work, victim, may_send, timeout);
}

}  // namespace kintsugi::controller
