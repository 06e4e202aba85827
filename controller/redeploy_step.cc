// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/pod_steps.h"
#include "controller/redeploy_decisions.h"
#include "controller/redeployment_questions.h"
#include "targets/kubernetes/containment.h"
#include "targets/kubernetes/redeployment.h"

namespace kintsugi::controller {
namespace {

/// Who owns the pods that stand where the victim stood.
targets::OwnerChain owners_of(IncidentWork& work) {
  return work.world().cluster->target.owners_of(work.target().name_space, work.owner(),
                                                work.incident().spec.owner);
}

/// Whether the pods of the victim's template have made room for those of another one.
bool is_rolled_since(const targets::OwnerChain& owners, const OwnerRef& controller) {
  if (owners.deployment == nullptr || owners.deployment->replicas == 0) return false;
  if (owners.replica_set == nullptr) return controller.kind == "ReplicaSet";
  return owners.replica_set->replicas == 0;
}

/// What the victim runs, or ran when it was isolated.
std::vector<RunningImage> running_images(IncidentWork& work, const targets::Pod* victim) {
  const auto& record = work.status().containment;
  if (victim == nullptr) return record ? record->images : std::vector<RunningImage>();
  std::vector<RunningImage> images;
  for (const targets::Container& container : victim->containers)
    images.push_back({container.name, container.image, container.image_id});
  return images;
}

/// The containers whose images are to be decided: of the template, else of the victim itself.
std::vector<ImageQuestion> questions(IncidentWork& work, const targets::OwnerChain& owners,
                                     const targets::Pod* victim) {
  std::vector<ImageQuestion> out;
  const auto* containers = owners.deployment != nullptr ? &owners.deployment->containers
                           : victim != nullptr          ? &victim->containers
                                                        : nullptr;
  if (containers == nullptr) return out;
  const bool is_rolled = is_rolled_since(owners, work.owner());
  for (const targets::Container& container : *containers) {
    if (!container.ephemeral)
      out.push_back({.container = container.name, .image = container.image, .was_rolled = is_rolled});
  }
  add_running(out, running_images(work, victim));
  return out;
}

/// Journals, sends, and marks as applied.
StepResult carry_out(IncidentWork& work, const Action& action) {
  World& world = work.world();
  Action kept_action = action;
  // Incidents have more readers than the pods that they are about, whose specs may hold secrets.
  if (action.kind == Action::Kind::kCreate) kept_action.body.clear();
  if (auto waits = plan_before_sending(work, kept_action)) return *waits;
  auto applied = apply(work, action);
  if (!applied) {
    if (applied.error().is_refusal()) {
      work.conclude(condition::kRedeployed, blocked("WriteRefused", applied.error().to_string()));
      return step_waits(world.settings.retry);
    }
    return tl::unexpected(std::move(applied).error());
  }
  work.note("Done: " + action.description);
  if (auto kept = work.journal(kept_action, JournalEntry::State::kApplied); !kept)
    return tl::unexpected(kept.error());
  return step_done();
}

StepResult pin(IncidentWork& work, const targets::Deployment& deployment) {
  World& world = work.world();
  if (auto waits = ask_before_pin(work, deployment.gitops_owner)) return *waits;
  if (work.playbook()->requires_approval("redeploy")) {
    const std::string why = "pinning deployment " + deployment.meta.name_space + "/" + deployment.meta.name +
                            " to " + work.status().images.front().digest + " restarts all of its " +
                            std::to_string(deployment.replicas) + " pods";
    if (auto waits = ask_before_redeployment(work, kPinQuestion, why)) return *waits;
  }
  if (auto waits = ask_to_pin_again(work)) return *waits;
  auto live = world.cluster->target.read_deployment(deployment.meta.name_space, deployment.meta.name, {});
  if (!live) return tl::unexpected(std::move(live).error());
  auto action = targets::plan_pin(*live, work.status().images, work.playbook()->step<RedeployStep>()->harden);
  if (!action) {
    if (action.error().code == ErrorCode::kAlreadyExists) return step_done();
    return tl::unexpected(std::move(action).error());
  }
  action->id = next_pin(work);
  work.conclude(condition::kRedeployed, blocked("Pinning", action->description));
  return carry_out(work, *action);
}

/// A replacement whose creation was planned, and whose answer was lost: it is there. True: it is on record
/// now.
Result<bool> take_up_replacement(IncidentWork& work) {
  const auto& journal = work.status().journal;
  const auto planned = std::find_if(journal.begin(), journal.end(), [](const JournalEntry& entry) {
    return entry.action.id == targets::kRecreation && entry.state == JournalEntry::State::kPlanned;
  });
  if (planned == journal.end()) return false;
  const Action action = planned->action;
  const auto pod =
      work.world().cluster->target.find_recreated(action.name_space, action.name, work.incident().name);
  if (!pod) return fail(pod.error());
  if (!*pod) return false;
  work.note("Done: " + action.description);
  if (auto kept = work.journal(action, JournalEntry::State::kApplied); !kept) return fail(kept.error());
  work.status().replacement = action.name;
  return true;
}

StepResult recreate(IncidentWork& work) {
  World& world = work.world();
  const auto* step = work.playbook()->step<RedeployStep>();
  if (!work.status().replacement.empty()) return step_done();
  const auto is_there = take_up_replacement(work);
  if (!is_there) return fail(is_there.error());
  if (*is_there) return step_done();
  if (work.mode() < Mode::kFull) {
    work.conclude(condition::kRedeployed,
                  blocked("ModeForbids", "a bare pod, and the mode does not permit to recreate it"));
    return step_waits(world.settings.recheck);
  }
  if (!step->recreate || work.playbook()->requires_approval("redeploy")) {
    if (auto waits = ask_before_redeployment(
            work, "redeploy/recreate",
            "a bare pod that nobody replaces: approve to recreate it from a cleaned spec")) {
      return *waits;
    }
  }
  auto victim = world.cluster->target.read_document(work.target(), {});
  if (!victim) {
    if (victim.error().code != ErrorCode::kNotFound) return tl::unexpected(std::move(victim).error());
    work.conclude(condition::kRedeployed,
                  blocked("VictimGone", "the pod is gone, and with it the spec to recreate it from"));
    work.await("redeploy", "recreate the pod from its source and release the incident");
    return step_waits(world.settings.retry);
  }
  const Labels labels =
      work.status().containment ? work.status().containment->labels : targets::own_labels(*victim);
  auto action =
      targets::plan_recreation(*victim, labels, work.incident().name, work.status().images, step->harden);
  if (!action) return tl::unexpected(std::move(action).error());
  auto applied = carry_out(work, *action);
  if (applied && applied->done) work.status().replacement = action->name;
  return applied;
}

StepResult redeploy_workload(IncidentWork& work) {
  World& world = work.world();
  const TargetRef& target = work.target();
  const OwnerRef controller = work.owner();
  const targets::OwnerChain owners = owners_of(work);
  const auto cached = world.cluster->cache.pod(target.name_space, target.name);
  const targets::Pod* victim = cached != nullptr && cached->meta.uid == target.uid ? cached.get() : nullptr;
  if (!controller.kind.empty() && owners.deployment == nullptr) {
    const bool is_gone = controller.kind == "ReplicaSet" && owners.replica_set == nullptr;
    work.conclude(condition::kRedeployed,
                  blocked(is_gone ? "OwnerGone" : "OwnerNotSupported",
                          "the pod's owner, a " + controller.kind +
                              ", is gone or has no Deployment above it; redeploy by hand"));
    work.await("redeploy", "redeploy by hand, then release the incident");
    return step_waits(world.settings.retry);
  }
  const bool is_pinned =
      owners.deployment == nullptr || targets::is_prepared(*owners.deployment, work.status().images);
  if (!is_pinned) forget_outdated_images(work, questions(work, owners, victim));
  if (work.status().images.empty()) {
    if (auto waits = decide_images(work, questions(work, owners, victim), owners.top().uid)) return *waits;
  }
  if (owners.deployment == nullptr) {
    auto recreated = recreate(work);
    if (!recreated || !recreated->done) return recreated;
  } else if (!targets::is_prepared(*owners.deployment, work.status().images)) {
    auto pinned = pin(work, *owners.deployment);
    if (!pinned || !pinned->done) return pinned;
    return step_waits(
        world.settings.recheck);  // until the watch shows the pin: what is cached is the time before it
  }
  settle_pin(work);
  const targets::Replacements now =
      world.cluster->target.replacements_of(target, owners, work.status().replacement);
  const Finding finding = targets::assess_redeployed(now, work.status().images);
  work.conclude(condition::kRedeployed, finding);
  if (!finding.holds()) return step_waits(world.settings.recheck);
  if (!work.status().times.redeployed) work.status().times.redeployed = work.now();
  return step_done();
}

}  // namespace

Result<void> settle_redeployment(IncidentWork& work) {
  if (const auto is_there = take_up_replacement(work); !is_there) return fail(is_there.error());
  if (!has_planned_pin(work.incident())) return {};
  const targets::PodTarget& target = work.world().cluster->target;
  const targets::OwnerChain owners = owners_of(work);
  if (owners.deployment == nullptr) return {};
  const auto live =
      target.read_deployment(owners.deployment->meta.name_space, owners.deployment->meta.name, {});
  if (!live) return fail(live.error());
  const auto deployment = targets::deployment_from(from_json(*live));
  if (!deployment) return fail(deployment.error());
  if (targets::is_prepared(*deployment, work.status().images)) settle_pin(work);
  return {};
}

StepResult PodSteps::redeploy(IncidentWork& work) const {
  if (work.playbook()->step<RedeployStep>() == nullptr) return step_done();
  return conclude_redeployment(work, redeploy_workload(work));
}

}  // namespace kintsugi::controller
