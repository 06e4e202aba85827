// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/containment_questions.h"
#include "controller/pod_steps.h"
#include "playbooks/guards.h"
#include "targets/isolation/isolation_proof.h"
#include "targets/kubernetes/containment.h"

namespace kintsugi::controller {
namespace {

using playbooks::GuardVerdict;
using targets::Pod;
using PodPointer = std::shared_ptr<const Pod>;

constexpr int kMaxPlans = 5;

bool is_ours(const Pod& pod, const Incident& incident) {
  return pod.quarantined() && pod.incident == incident.name;
}

/// The victim as a cache knows it, or live; nullptr: gone. What was contained once is always looked at live
/// before it is called anything else, because a cache may lag behind our own write.
Result<PodPointer> observe(IncidentWork& work) {
  const TargetRef& target = work.target();
  auto cached = work.world().cluster->cache.pod(target.name_space, target.name);
  const bool known = cached != nullptr && cached->meta.uid == target.uid;
  if (known && (is_ours(*cached, work.incident()) || !work.status().containment)) return cached;
  auto live = work.world().cluster->target.read(target, {});
  if (!live) return tl::unexpected(std::move(live).error());
  if (!*live) return PodPointer();
  return std::make_shared<const Pod>(std::move(**live));
}

playbooks::CapFacts cap_facts(IncidentWork& work, const Pod& victim) {
  World& world = work.world();
  playbooks::CapFacts facts;
  facts.now = work.now();
  const targets::OwnerChain owners =
      world.cluster->target.owners_of(victim.meta.name_space, victim.meta.controller);
  facts.owner = world.cluster->target.owner_of(victim);
  const targets::Replacements siblings = world.cluster->target.replacements_of(work.target(), owners, "");
  facts.owner_replicas = siblings.wanted;
  for (const Pod& pod : siblings.pods) {
    if (!pod.ready) ++facts.owner_unready;
  }
  for (const auto& other : world.store.list()) {
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

GuardVerdict judge(IncidentWork& work, const Pod& victim) {
  GuardVerdict protection =
      playbooks::check_protection({work.target(), work.world().settings.name_space, victim.meta.labels,
                                   victim.priority_class, victim.is_static});
  if (!protection.allowed()) return protection;
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

isolation::IsolationProof prove(IncidentWork& work, const Pod& victim) {
  const auto known = work.world().cluster->cache.network_policies(victim.meta.name_space);
  std::vector<const isolation::NetworkPolicy*> policies;
  policies.reserve(known.policies.size());
  for (const auto& policy : known.policies) policies.push_back(policy.get());
  return isolation::prove_isolation({victim.meta.name_space, victim.meta.labels, victim.facts},
                                    {policies, known.unreadable}, work.world().book.network_facts());
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
  const isolation::IsolationProof proof = prove(work, victim);
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
  kept.undo = nlohmann::json({{"labels", work.status().containment->labels}}).dump();
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

/// Patches until it holds or another read shows that it does. At most kMaxPlans plans.
StepResult isolate(IncidentWork& work, PodPointer victim, const std::function<bool()>& may_send,
                   std::chrono::milliseconds timeout) {
  World& world = work.world();
  const auto* step = work.playbook()->step<ContainStep>();
  targets::ApplyOptions options;
  options.priority = net::Priority::kContainment;
  options.timeout = timeout;
  if (auto policy = world.cluster->target.ensure_quarantine_policy(victim->meta.name_space, options);
      !policy) {
    if (policy.error().is_refusal()) return refused(work, "PolicyRefused", policy.error());
    return tl::unexpected(std::move(policy).error());
  }
  Error last;
  for (int plan = 0; plan < kMaxPlans; ++plan) {
    const auto earlier = earlier_undo(work, *victim);
    const Action action = targets::plan_isolation(
        *victim, work.incident().name, step == nullptr ? "" : step->forensics, earlier ? &*earlier : nullptr);
    if (!may_send()) return step_waits(world.settings.recheck);
    auto applied = apply(work, action, options);
    if (applied) {
      auto after = targets::pod_from(from_json(*applied));
      if (!after) return tl::unexpected(std::move(after).error());
      work.set_isolation(std::make_shared<const Isolation>(
          Isolation{victim, action, std::make_shared<const Pod>(std::move(*after)), work.now()}));
      return conclude_isolation(work);
    }
    last = applied.error();
    if (last.is_refusal()) return refused(work, "PatchRefused", last);
    const bool look =
        last.code == ErrorCode::kConflict || last.code == ErrorCode::kNotFound || last.outcome_unknown;
    if (!look) return tl::unexpected(std::move(last));
    auto live = world.cluster->target.read(work.target(), {});
    if (!live) return tl::unexpected(std::move(live).error());
    if (!*live) return gone(work);
    victim = std::make_shared<const Pod>(std::move(**live));
    if (is_ours(*victim, work.incident())) {
      remember(work, *victim, action, work.now());
      return assess(work, *victim, work.now());
    }
  }
  return tl::unexpected(std::move(last));
}

/// Somebody took the label away: it is put back.
StepResult reassert(IncidentWork& work, const PodPointer& victim, const std::function<bool()>& may_send,
                    std::chrono::milliseconds timeout) {
  if (!may_reassert(work)) return step_waits(work.world().settings.recheck);
  work.note("The quarantine was taken away by somebody and is put back");
  if (auto saved = work.save(); !saved) return tl::unexpected(std::move(saved).error());
  return isolate(work, victim, may_send, timeout);
}

/// Re-makes the standing policy, which was edited or deleted after the containment.
Result<void> mend_policy(IncidentWork& work) {
  work.note("The quarantine policy was changed by somebody and is put back");
  // On record before it is done: once the policy is back, nothing in the world tells that it was ever away.
  if (auto saved = work.save(); !saved) return saved;
  targets::ApplyOptions options;
  options.priority = net::Priority::kContainment;
  return work.world().cluster->target.ensure_quarantine_policy(work.target().name_space, options);
}

}  // namespace

StepResult PodSteps::contain(IncidentWork& work, const std::function<bool()>& may_send,
                             std::chrono::milliseconds timeout) const {
  if (work.isolation() && !work.status().containment) return conclude_isolation(work);
  auto observed = observe(work);
  if (!observed) return tl::unexpected(std::move(observed).error());
  const PodPointer victim = *observed;
  if (victim == nullptr) return gone(work);
  if (is_ours(*victim, work.incident())) {
    if (!work.status().containment) {
      // Isolated by a winner that was not us, or by us before a crash: what it took travels with the pod.
      remember(work, *victim, targets::plan_isolation(*victim, work.incident().name, ""), work.now());
    }
    if (work.mode() > Mode::kObserve && leader_may_send(work) &&
        !work.world().cluster->target.knows_quarantine_policy(work.target().name_space)) {
      const auto stands = work.world().cluster->target.has_quarantine_policy(work.target().name_space, {});
      if (!stands) return tl::unexpected(stands.error());
      // What is back already was put back by us, and the watch is about to show it: it counts once.
      if (*stands || !may_reassert(work)) return step_waits(work.world().settings.recheck);
      auto mended = mend_policy(work);
      if (!mended && mended.error().is_refusal()) return refused(work, "PolicyRefused", mended.error());
      if (!mended) return tl::unexpected(std::move(mended).error());
    }
    return assess(work, *victim, work.now());
  }
  if (work.mode() <= Mode::kObserve) return record_plan(work, *victim);
  if (work.status().containment) return reassert(work, victim, may_send, timeout);
  if (auto asked = ask_before_containment(work, judge(work, *victim))) return *asked;
  return isolate(work, victim, may_send, timeout);
}

}  // namespace kintsugi::controller
