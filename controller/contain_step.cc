// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/steps.h"
#include "playbooks/guards.h"
#include "targets/isolation/isolation_proof.h"
#include "targets/kubernetes/containment.h"

namespace kintsugi::controller {
namespace {

using playbooks::GuardVerdict;
using targets::Pod;
using PodPointer = std::shared_ptr<const Pod>;

constexpr int kMaxPlans = 5;
constexpr std::uint32_t kMaxReassertions = 3;

bool is_ours(const Pod& pod, const Incident& incident) {
  return pod.quarantined() && pod.incident == incident.name;
}

/// The victim as a cache knows it, or live; nullptr: gone. What was contained once is always looked at live
/// before it is called anything else, because a cache may lag behind our own write.
Result<PodPointer> observe(IncidentWork& work) {
  const TargetRef& target = work.target();
  const auto cached = work.world().cache.pod(target.name_space, target.name);
  const bool known = cached != nullptr && cached->meta.uid == target.uid;
  if (known && (is_ours(*cached, work.incident()) || !work.status().containment)) return cached;
  auto live = work.world().target.read(target, {});
  if (!live) return tl::unexpected(std::move(live).error());
  if (!*live) return PodPointer();
  return std::make_shared<const Pod>(std::move(**live));
}

playbooks::CapFacts cap_facts(IncidentWork& work, const Pod& victim) {
  World& world = work.world();
  playbooks::CapFacts facts;
  facts.now = work.now();
  const targets::OwnerChain owners = world.target.owners_of(victim.meta.name_space, victim.meta.controller);
  facts.owner = owners.top();
  const targets::Replacements siblings = world.target.replacements_of(work.target(), owners, "");
  facts.owner_replicas = siblings.wanted;
  for (const Pod& pod : siblings.pods) {
    if (!pod.ready) ++facts.owner_unready;
  }
  for (const auto& other : world.store.list()) {
    if (other->name == work.incident().name) continue;
    if (other->status.times.contained) facts.containments.push_back(*other->status.times.contained);
    const bool same_owner = !facts.owner.uid.empty() && other->spec.owner.uid == facts.owner.uid;
    // One that has not been contained yet counts as well, or a burst would pass the cap all at once; the
    // older name wins.
    const bool earlier = other->created < work.incident().created ||
                         (other->created == work.incident().created && other->name < work.incident().name);
    const bool contains =
        other->status.containment.has_value() || (other->status.awaiting != "contain" && earlier);
    if (same_owner && !other->is_over() && contains && other->spec.mode > Mode::kObserve)
      ++facts.owner_targets;
  }
  return facts;
}

GuardVerdict judge(IncidentWork& work, const Pod& victim) {
  const GuardVerdict protection =
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
  const auto known = work.world().cache.network_policies(victim.meta.name_space);
  std::vector<const isolation::NetworkPolicy*> policies;
  policies.reserve(known.policies.size());
  for (const auto& policy : known.policies) policies.push_back(policy.get());
  return isolation::prove_isolation({victim.meta.name_space, victim.meta.labels, victim.facts},
                                    {policies, known.unreadable}, work.world().book.network_facts());
}

/// Says what is true of a victim that wears the quarantine label, as it was seen `at`.
StepResult assess(IncidentWork& work, const Pod& victim, WallTime at) {
  const isolation::IsolationProof proof = prove(work, victim);
  Finding finding{proof.isolated ? ConditionStatus::kTrue : ConditionStatus::kFalse,
                  std::string(proof.reason()), proof.message(), !proof.isolated};
  const bool accepted = find_approval(work.incident().spec, "contain") != nullptr;
  work.conclude(condition::kContained, finding);
  if (finding.holds()) {
    if (!work.status().times.contained) work.status().times.contained = at;
    if (work.status().awaiting == "contain") work.await("", "");
  } else if (!accepted && work.status().awaiting.empty()) {
    work.await("contain",
               finding.message + ". Close what leaks; or approve to go on as it is; or 'kintsugi release " +
                   work.incident().name + " --victim delete' to delete the pod after its evidence");
  } else if (accepted && work.status().awaiting == "contain") {
    work.await("", "");
  }
  return step_done();
}

StepResult gone(IncidentWork& work) {
  work.conclude(condition::kContained, {ConditionStatus::kTrue, "VictimGone",
                                        "the pod no longer exists; nothing was isolated by us last", false});
  if (work.status().awaiting == "contain") work.await("", "");
  return step_done();
}

/// The plan of an incident that may change nothing, for people to read.
StepResult record_plan(IncidentWork& work, const Pod& victim) {
  const Action action = targets::plan_isolation(victim, work.incident().name, "");
  if (auto kept = work.journal(action, JournalEntry::State::kPlanned); !kept)
    return tl::unexpected(kept.error());
  work.conclude(condition::kContained,
                {ConditionStatus::kFalse, "ObserveOnly",
                 "mode observe: the plan is in the journal, nothing was changed", false});
  return step_done();
}

std::optional<StepResult> ask_if_needed(IncidentWork& work, const Pod& victim) {
  const GuardVerdict verdict = judge(work, victim);
  if (verdict.allowed()) return std::nullopt;
  if (verdict.kind == GuardVerdict::Kind::kRefused) {
    work.end(Outcome::kFailed, "Refused", verdict.reason);
    return step_waits();
  }
  const Approval* decision = find_approval(work.incident().spec, "contain");
  if (decision == nullptr) {
    work.conclude(condition::kContained, {ConditionStatus::kFalse, "AwaitingApproval", verdict.reason, true});
    work.await("contain", verdict.reason);
    return step_waits(work.world().settings.recheck);
  }
  if (!decision->approved) {
    work.note("Containment was denied by " + decision->by + ": " + decision->reason);
    work.end(Outcome::kReleased, "Denied", "containment was denied by " + decision->by);
    return step_waits();
  }
  work.await("", "");
  return std::nullopt;
}

void remember(IncidentWork& work, const Pod& before, const Action& action) {
  if (!work.status().containment) work.status().containment = targets::containment_record(before);
  Action kept = action;
  kept.undo = nlohmann::json({{"labels", work.status().containment->labels}}).dump();
  if (!work.journal(kept, JournalEntry::State::kApplied))
    work.note("The journal is full: the undo is in the pod only");
}

StepResult conclude_isolation(IncidentWork& work) {
  const Isolation& isolation = *work.isolation();
  remember(work, *isolation.before, isolation.action);
  return assess(work, *isolation.after, isolation.confirmed);
}

/// Patches until it holds or another read shows that it does. At most kMaxPlans plans.
StepResult isolate(IncidentWork& work, PodPointer victim, const std::function<bool()>& may_send,
                   std::chrono::milliseconds timeout) {
  World& world = work.world();
  const auto* step = work.playbook()->step<ContainStep>();
  targets::ApplyOptions options;
  options.priority = net::Priority::kContainment;
  options.timeout = timeout;
  if (auto policy = world.target.ensure_quarantine_policy(victim->meta.name_space, options); !policy) {
    return tl::unexpected(std::move(policy).error());
  }
  Error last;
  for (int plan = 0; plan < kMaxPlans; ++plan) {
    const auto earlier = targets::find_undo(*victim, work.status().containment);
    const Action action = targets::plan_isolation(
        *victim, work.incident().name, step == nullptr ? "" : step->forensics, earlier ? &*earlier : nullptr);
    if (!may_send()) return step_waits(world.settings.recheck);
    auto applied = work.apply(action, options);
    if (applied) {
      auto after = targets::pod_from(from_json(*applied));
      if (!after) return tl::unexpected(std::move(after).error());
      work.set_isolation(
          Isolation{victim, action, std::make_shared<const Pod>(std::move(*after)), work.now()});
      return conclude_isolation(work);
    }
    last = applied.error();
    if (last.code == ErrorCode::kRefused) {
      work.conclude(condition::kContained, {ConditionStatus::kFalse, "PatchRefused", last.to_string(), true});
      return step_done();
    }
    const bool look =
        last.code == ErrorCode::kConflict || last.code == ErrorCode::kNotFound || last.outcome_unknown;
    if (!look) return tl::unexpected(std::move(last));
    auto live = world.target.read(work.target(), {});
    if (!live) return tl::unexpected(std::move(live).error());
    if (!*live) return gone(work);
    victim = std::make_shared<const Pod>(std::move(**live));
    if (is_ours(*victim, work.incident())) {
      remember(work, *victim, action);
      return assess(work, *victim, work.now());
    }
  }
  return tl::unexpected(std::move(last));
}

/// Somebody took the label away or the standing policy: put back, at most kMaxReassertions times.
StepResult reassert(IncidentWork& work, const PodPointer& victim, const std::function<bool()>& may_send,
                    std::chrono::milliseconds timeout) {
  ContainmentRecord& record = *work.status().containment;
  const bool asked = find_approval(work.incident().spec, "contain") != nullptr;
  if (record.reassertions >= kMaxReassertions && !asked) {
    work.conclude(condition::kContained,
                  {ConditionStatus::kFalse, "QuarantineRemoved",
                   "the quarantine was taken away more than 3 times; somebody or something works "
                   "against it",
                   true});
    work.await("contain",
               "the quarantine keeps being removed; approve to put it back again, or release the incident");
    return step_waits(work.world().settings.recheck);
  }
  ++record.reassertions;
  work.note("The quarantine was taken away by somebody and is put back");
  if (auto saved = work.save(); !saved) return tl::unexpected(std::move(saved).error());
  return isolate(work, victim, may_send, timeout);
}

/// Re-makes the standing policy where it was edited or deleted after the containment.
Result<void> mend_policy(IncidentWork& work) {
  const auto known = work.world().cache.network_policies(work.target().name_space);
  const bool intact = std::any_of(known.policies.begin(), known.policies.end(), [](const auto& policy) {
    return policy->name == targets::kQuarantinePolicyName && isolation::is_quarantine_policy_intact(*policy);
  });
  if (intact || !leader_may_send(work)) return {};
  work.note("The quarantine policy was changed by somebody and is put back");
  ++work.status().containment->reassertions;
  // On record before it is done: once the policy is back, nothing in the world tells that it was ever away.
  if (auto saved = work.save(); !saved) return saved;
  targets::ApplyOptions options;
  options.priority = net::Priority::kContainment;
  return work.world().target.ensure_quarantine_policy(work.target().name_space, options);
}

}  // namespace

StepResult contain(IncidentWork& work, const std::function<bool()>& may_send,
                   std::chrono::milliseconds timeout) {
  if (work.isolation() && !work.status().containment) return conclude_isolation(work);
  auto observed = observe(work);
  if (!observed) return tl::unexpected(std::move(observed).error());
  const PodPointer victim = *observed;
  if (victim == nullptr) return gone(work);
  if (is_ours(*victim, work.incident())) {
    if (!work.status().containment) {
      // Isolated by a winner that was not us, or by us before a crash: what it took travels with the pod.
      remember(work, *victim, targets::plan_isolation(*victim, work.incident().name, ""));
    }
    if (auto mended = mend_policy(work); !mended) return tl::unexpected(std::move(mended).error());
    return assess(work, *victim, work.now());
  }
  if (work.mode() <= Mode::kObserve) return record_plan(work, *victim);
  if (work.status().containment) return reassert(work, victim, may_send, timeout);
  if (auto asked = ask_if_needed(work, *victim)) return *asked;
  return isolate(work, victim, may_send, timeout);
}

bool leader_may_send(IncidentWork& work) {
  return work.world().leadership.leads() &&
         work.world().leadership.outlasts(work.world().settings.leader_contain_timeout +
                                          std::chrono::seconds(1));
}

}  // namespace kintsugi::controller
