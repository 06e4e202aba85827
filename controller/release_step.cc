// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "controller/pod_isolation.h"
#include "controller/pod_steps.h"
#include "k8s-client/core/patch.h"
#include "targets/kubernetes/containment.h"
#include "targets/kubernetes/redeployment.h"

namespace kintsugi::controller {
namespace {

using Victim = ReleaseOrder::Victim;

/// Whoever refuses a deletion seldom changes their mind soon.
constexpr std::chrono::minutes kAskAgain{5};

constexpr const char* kDeletionCost = "release/deletion-cost";

/// A restoration or deletion whose answer was lost, or that was given up for another order: the pod shows
/// what became of it. What was meant for a pod that is gone was not done, but for its deletion.
Result<void> settle_release(IncidentWork& work) {
  std::vector<Action> planned;
  for (const JournalEntry& entry : work.status().journal) {
    const bool is_meant = entry.action.id == targets::kRestoration || entry.action.id == kDisposal;
    if (is_meant && entry.state == JournalEntry::State::kPlanned) planned.push_back(entry.action);
  }
  if (planned.empty()) return {};
  const auto victim = work.world().cluster->target.read(work.target(), {});
  if (!victim) return fail(victim.error());
  for (const Action& action : planned) {
    const bool deletes = action.id == kDisposal;
    const bool is_done =
        deletes ? !*victim || (*victim)->meta.being_deleted : *victim && !(*victim)->quarantined();
    const auto done = deletes ? JournalEntry::State::kApplied : JournalEntry::State::kUndone;
    work.note((is_done ? "Done: " : "Not done: ") + action.description);
    auto kept = work.journal(action, is_done ? done : JournalEntry::State::kAbandoned);
    if (!kept) return kept;
  }
  return {};
}

StepResult finish(IncidentWork& work, const std::string& message) {
  auto settled = settle_release(work);
  if (settled) settled = settle_redeployment(work);
  // Where nothing may be read any more, what was planned is given up at the end.
  if (!settled && settled.error().retryable) return fail(std::move(settled).error());
  return finish_release(work, message);
}

/// Deletes the victim, which must be as this incident has left it: a pod whose labels somebody has given back
/// serves again, and one that another open incident holds is that one's.
StepResult delete_victim(IncidentWork& work) {
  World& world = work.world();
  auto victim = world.cluster->target.read(work.target(), {});
  if (!victim) return tl::unexpected(std::move(victim).error());
  const bool is_ours = *victim && (*victim)->quarantined() && (*victim)->incident == work.incident().name;
  if (*victim && !is_ours && (work.status().containment || (*victim)->quarantined())) {
    if (auto settled = settle_release(work); !settled) return fail(std::move(settled).error());
    return fail(
        make_error(ErrorCode::kRefused, "the pod is not in this incident's quarantine; it is not deleted")
            .on(work.target().to_string()));
  }
  const Action action = targets::plan_victim_deletion(work.target());
  if (auto waits = plan_before_sending(work, action)) return *waits;
  if (*victim) {
    targets::ApplyOptions options;
    options.timeout = world.settings.leader_contain_timeout;
    if (auto applied = apply(work, action, options); !applied)
      return tl::unexpected(std::move(applied).error());
  }
  if (auto kept = work.journal(action, JournalEntry::State::kApplied); !kept)
    return tl::unexpected(kept.error());
  return step_done();
}

/// The owner would delete one of N+1 pods; the replacement is made the one that leaves. Fails softly: it is a
/// hint.
void lower_deletion_cost(IncidentWork& work, const targets::OwnerChain& owners) {
  if (is_applied(work.incident(), kDeletionCost)) return;
  const targets::Replacements now = work.world().cluster->target.replacements_of(work.target(), owners, "");
  const auto known = std::find_if(now.pods.begin(), now.pods.end(), [&](const targets::Pod& pod) {
    return pod.meta.name == work.status().replacement;
  });
  const targets::Pod* newest = known != now.pods.end() ? &*known : targets::newest_of(now.pods);
  if (newest == nullptr || !leader_may_send(work)) return;
  k8s::JsonPatch patch;
  patch.test("/metadata/uid", newest->meta.uid);
  if (!newest->has_annotations) {
    patch.test("/metadata/annotations", nullptr);
    patch.add("/metadata/annotations", nlohmann::json::object());
  }
  patch.add("/metadata/annotations/controller.kubernetes.io~1pod-deletion-cost", "-100");
  Action action;
  action.id = kDeletionCost;
  action.resource = "pods";
  action.name_space = newest->meta.name_space;
  action.name = newest->meta.name;
  action.uid = newest->meta.uid;
  action.body = patch.to_text();
  action.description = "let pod " + newest->meta.name + " leave first";
  const auto applied = apply(work, action);
  if (applied) (void)work.journal(action, JournalEntry::State::kApplied);  // a hint, as all of this
  work.note(applied ? "Done: " + action.description
                    : "Could not " + action.description + ": " + applied.error().message);
}

/// Whether the victim's old owner is still there and its template is still the one the victim came from.
bool owner_wants(const targets::OwnerChain& owners, const OwnerRef& controller) {
  if (controller.kind.empty()) return true;  // a bare pod: nobody minds
  return owners.replica_set != nullptr && owners.replica_set->replicas > 0 &&
         !owners.replica_set->meta.being_deleted;
}

/// The other incident in whose quarantine the pod is; nullptr: it is in this one's, or in nobody's.
incidents::IncidentStore::Pointer other_holder(IncidentWork& work, const targets::Pod& victim) {
  if (victim.incident == work.incident().name) return nullptr;
  for (const auto& other : work.world().store.of_target(victim.meta.uid))
    if (other->name == victim.incident) return other;
  return nullptr;
}

StepResult restore(IncidentWork& work) {
  World& world = work.world();
  auto victim = world.cluster->target.read(work.target(), {});
  if (!victim) return tl::unexpected(std::move(victim).error());
  if (!*victim) return finish(work, "the pod no longer exists; nothing to give back");
  if (!(*victim)->quarantined()) return finish(work, "the pod is not in quarantine");
  std::optional<ContainmentRecord> record = work.status().containment;
  if (const auto holder = other_holder(work, **victim); holder != nullptr) {
    if (!holder->is_over()) {
      work.await("release", "the pod is in the quarantine of incident " + holder->name +
                                ", which is open: release that one, or this one with --victim leave");
      return step_waits(world.settings.retry);
    }
    // What an incident that is over has left in quarantine is given back by any that is about the same pod.
    record = holder->status.containment;
  }
  const auto undo = targets::find_undo(**victim, record);
  if (auto waits = ask_about_lost_undo(work, undo)) return *waits;
  const OwnerRef controller = work.owner();
  const targets::OwnerChain owners = world.cluster->target.owners_of(work.target().name_space, controller);
  if (!owner_wants(owners, controller)) {
    work.await("release",
               "the owner does not want the pod any more (it was rolled or is gone): giving the labels back "
               "would get it deleted; release with --victim leave or --victim delete");
    return step_waits(world.settings.retry);
  }
  auto action = targets::plan_restoration(**victim, (*victim)->incident, *undo);
  if (!action) return tl::unexpected(std::move(action).error());
  if (owners.replica_set != nullptr) lower_deletion_cost(work, owners);
  if (auto waits = plan_before_sending(work, *action)) return *waits;
  auto applied = apply(work, *action);
  if (!applied) return tl::unexpected(std::move(applied).error());
  // A late winner may have isolated it again in between.
  auto after = world.cluster->target.read(work.target(), {});
  if (!after) return tl::unexpected(std::move(after).error());
  if (*after && (*after)->quarantined()) return step_waits(world.settings.recheck);
  if (auto kept = work.journal(*action, JournalEntry::State::kUndone); !kept)
    return tl::unexpected(kept.error());
  return finish(work, "the labels were given back");
}

/// Not before its evidence, however little of that could be had: a person has ordered it.
StepResult delete_as_ordered(IncidentWork& work) {
  if (work.playbook() != nullptr) {
    auto collected = work.world().steps.collect(work);
    if (!collected || !collected->done) return collected;
  }
  auto deleted = delete_victim(work);
  if (!deleted && deleted.error().is_refusal()) return finish(work, deleted.error().message);
  if (!deleted || !deleted->done) return deleted;
  return finish(work, "the victim was deleted");
}

/// Whether a person is needed: the playbook says so, or evidence would be lost. Nothing: the victim may go.
std::optional<StepResult> ask_about_disposal(IncidentWork& work) {
  const bool wants_evidence = work.playbook()->step<CollectStep>() != nullptr;
  const bool lacks_evidence = wants_evidence && !is_true(work.status(), condition::kEvidencePreserved);
  if (!lacks_evidence && !work.playbook()->requires_approval("release")) return std::nullopt;
  const std::string why = std::string("the victim is due to be deleted") +
                          (lacks_evidence ? ", and its evidence is not preserved" : "") +
                          ": approve, or deny to keep it in quarantine";
  const Approval* decision = work.ask("release", "release/dispose", why);
  if (decision == nullptr) return step_waits();
  work.settle("release", {});
  if (!decision->approved) return step_done();
  return std::nullopt;
}

}  // namespace

StepResult PodSteps::release(IncidentWork& work) const {
  switch (work.incident().spec.release->victim) {
    case Victim::kRestore: return restore(work);
    case Victim::kLeave: return finish(work, "the victim is left in quarantine");
    case Victim::kDelete: return delete_as_ordered(work);
  }
  return step_done();
}

StepResult PodSteps::dispose_of_victim(IncidentWork& work) const {
  if (!awaits_disposal(work.incident(), work.playbook()) || work.mode() < Mode::kFull) return step_done();
  const WallTime due = *work.status().times.closed + work.playbook()->step<ReleaseStep>()->after;
  if (work.now() < due) return step_waits(due - work.now());
  if (auto instead = ask_about_disposal(work)) return *instead;
  auto done = delete_victim(work);
  if (!done && done.error().is_refusal()) {
    work.note_once(done.error().message);
    // What the API server has refused stays planned: taken back and planned anew it would wake itself.
    return is_planned(work.incident(), kDisposal) ? step_waits(kAskAgain) : step_done();
  }
  if (done && done->done) work.note("The victim was deleted, as the playbook says");
  return done;
}

}  // namespace kintsugi::controller
