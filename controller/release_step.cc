// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/steps.h"
#include "k8s-client/core/patch.h"
#include "targets/kubernetes/containment.h"

namespace kintsugi::controller {
namespace {

using Victim = ReleaseOrder::Victim;

StepResult finish(IncidentWork& work, const std::string& message) {
  const ReleaseOrder& order = *work.incident().spec.release;
  work.note("Released by " + order.by + ": " + message);
  work.world().jobs.cancel(work.incident().name);
  work.end(Outcome::kReleased, "Released", message);
  return step_done();
}

StepResult delete_victim(IncidentWork& work) {
  const bool wants_evidence = work.playbook() != nullptr && work.playbook()->step<CollectStep>() != nullptr;
  if (wants_evidence && find_condition(work.status(), condition::kEvidencePreserved) == nullptr) {
    return step_waits(work.world().settings.recheck);  // delete before evidence is never done
  }
  const Action action = targets::plan_victim_deletion(work.target());
  if (auto kept = work.journal(action, JournalEntry::State::kPlanned); !kept)
    return tl::unexpected(kept.error());
  if (auto saved = work.save(); !saved) return tl::unexpected(std::move(saved).error());
  if (!leader_may_send(work)) return step_waits(work.world().settings.recheck);
  auto applied = work.apply(action);
  if (!applied) return tl::unexpected(std::move(applied).error());
  if (auto kept = work.journal(action, JournalEntry::State::kApplied); !kept)
    return tl::unexpected(kept.error());
  return step_done();
}

/// The owner would delete one of N+1 pods; the replacement is made the one that leaves. Fails softly: it is a
/// hint.
void lower_deletion_cost(IncidentWork& work, const targets::OwnerChain& owners) {
  const targets::Replacements now = work.world().target.replacements_of(work.target(), owners, "");
  const targets::Pod* newest = nullptr;
  for (const targets::Pod& pod : now.pods) {
    if (newest == nullptr || pod.meta.created > newest->meta.created) newest = &pod;
  }
  if (newest == nullptr) return;
  k8s::JsonPatch patch;
  patch.test("/metadata/uid", newest->meta.uid);
  if (!newest->has_annotations) patch.add("/metadata/annotations", nlohmann::json::object());
  patch.add("/metadata/annotations/controller.kubernetes.io~1pod-deletion-cost", "-100");
  Action action;
  action.id = "release/deletion-cost";
  action.resource = "pods";
  action.name_space = newest->meta.name_space;
  action.name = newest->meta.name;
  action.uid = newest->meta.uid;
  action.body = patch.to_text();
  action.description = "let pod " + newest->meta.name + " leave first";
  auto applied = work.apply(action);
  work.note(applied ? "Done: " + action.description
                    : "Could not " + action.description + ": " + applied.error().message);
}

/// Whether the victim's old owner is still there and its template is still the one the victim came from.
bool owner_wants(const targets::OwnerChain& owners, const OwnerRef& controller) {
  if (controller.kind.empty()) return true;  // a bare pod: nobody minds
  return owners.replica_set != nullptr && owners.replica_set->replicas > 0 &&
         !owners.replica_set->meta.being_deleted;
}

StepResult restore(IncidentWork& work) {
  World& world = work.world();
  auto victim = world.target.read(work.target(), {});
  if (!victim) return tl::unexpected(std::move(victim).error());
  if (!*victim) return finish(work, "the pod no longer exists; nothing to give back");
  if (!(*victim)->quarantined()) return finish(work, "the pod is not in quarantine");
  const auto undo = targets::find_undo(**victim, work.status().containment);
  if (!undo) {
    work.await("release",
               "what isolation took is not known any more: release with --victim leave or --victim delete");
    return step_waits(world.settings.retry);
  }
  if (!undo->from_annotation)
    work.note("The undo annotation was edited or removed; the incident's copy is used");
  const OwnerRef controller = work.status().containment ? work.status().containment->controller : OwnerRef();
  const targets::OwnerChain owners = world.target.owners_of(work.target().name_space, controller);
  if (!owner_wants(owners, controller)) {
    work.await("release",
               "the owner does not want the pod any more (it was rolled or is gone): giving the labels back "
               "would get it deleted; release with --victim leave or --victim delete");
    return step_waits(world.settings.retry);
  }
  auto action = targets::plan_restoration(**victim, work.incident().name, *undo);
  if (!action) return tl::unexpected(std::move(action).error());
  if (owners.replica_set != nullptr) lower_deletion_cost(work, owners);
  if (auto kept = work.journal(*action, JournalEntry::State::kPlanned); !kept)
    return tl::unexpected(kept.error());
  if (auto saved = work.save(); !saved) return tl::unexpected(std::move(saved).error());
  if (!leader_may_send(work)) return step_waits(world.settings.recheck);
  auto applied = work.apply(*action);
  if (!applied) return tl::unexpected(std::move(applied).error());
  // A late winner may have isolated it again in between.
  auto after = world.target.read(work.target(), {});
  if (!after) return tl::unexpected(std::move(after).error());
  if (*after && (*after)->quarantined()) return step_waits(world.settings.recheck);
  if (auto kept = work.journal(*action, JournalEntry::State::kUndone); !kept)
    return tl::unexpected(kept.error());
  return finish(work, "the labels were given back");
}

}  // namespace

StepResult release(IncidentWork& work) {
  switch (work.incident().spec.release->victim) {
    case Victim::kRestore: return restore(work);
    case Victim::kLeave: return finish(work, "the victim is left in quarantine");
    case Victim::kDelete: {
      auto deleted = delete_victim(work);
      if (!deleted || !deleted->done) return deleted;
      return finish(work, "the victim was deleted");
    }
  }
  return step_done();
}

StepResult dispose_of_victim(IncidentWork& work) {
  const auto* step = work.playbook() == nullptr ? nullptr : work.playbook()->step<ReleaseStep>();
  if (step == nullptr || step->victim != ReleaseStep::Victim::kDelete ||
      work.status().outcome != Outcome::kRecovered) {
    return step_done();
  }
  const auto& journal = work.status().journal;
  const bool deleted = std::any_of(journal.begin(), journal.end(), [](const JournalEntry& entry) {
    return entry.action.id == "release/delete" && entry.state == JournalEntry::State::kApplied;
  });
  if (deleted || work.mode() < Mode::kFull) return step_done();
  const WallTime due = *work.status().times.closed + step->after;
  if (work.now() < due) return step_waits(due - work.now());
  if (work.playbook()->requires_approval("release")) {
    const Approval* decision = find_approval(work.incident().spec, "release");
    if (decision == nullptr) {
      work.await("release", "the victim is due to be deleted: approve, or deny to keep it in quarantine");
      return step_waits();
    }
    work.await("", "");
    if (!decision->approved) return step_done();
  }
  auto done = delete_victim(work);
  if (done && done->done) work.note("The victim was deleted, as the playbook says");
  return done;
}

}  // namespace kintsugi::controller
