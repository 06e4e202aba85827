// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/kubevirt/machine_links.h"
#include "controller/kubevirt/machine_steps.h"
#include "controller/probation.h"
#include "controller/redeploy_decisions.h"
#include "controller/redeployment_questions.h"
#include "targets/kubevirt/machine_rebuild.h"

namespace kintsugi::controller {
namespace {

using targets::Machine;
using targets::MachineReplacement;

constexpr std::string_view kMachineKind = "VirtualMachine";
constexpr std::string_view kPause = "contain/pause";

/// Waits for a person to do what Kintsugi does not.
StepResult leave_to_person(IncidentWork& work, std::string reason, const std::string& why) {
  work.conclude(condition::kRedeployed, blocked(std::move(reason), why));
  work.await("redeploy", why + "; rebuild it by hand, then release the incident");
  return step_waits(work.world().settings.retry);
}

Result<MachineReplacement> replacement_now(IncidentWork& work, const std::string& machine) {
  const Cluster& cluster = *work.world().cluster;
  auto instance = cluster.machines.find(work.target().name_space, machine);
  if (!instance) return fail(std::move(instance).error());
  MachineReplacement now{std::move(*instance), {}};
  if (!now.instance) return now;
  for (const PodPointer& launcher : launchers_of(cluster.cache, now.instance->meta.uid))
    now.launchers.push_back(*launcher);
  return now;
}

std::vector<ImageQuestion> questions(IncidentWork& work, const targets::RebuildSources& sources) {
  std::vector<ImageQuestion> out;
  for (const targets::MachineImage& source : sources.images)
    out.push_back({.container = source.container, .image = source.image});
  if (const auto& record = work.status().containment) add_running(out, record->images);
  return out;
}

/// What KubeVirt refuses is for a person; what has changed meanwhile is looked at again.
StepResult conclude_write(IncidentWork& work, StepResult written) {
  if (written && written->done) return step_waits(std::chrono::milliseconds(0));
  if (written) return written;
  const Error& error = written.error();
  if (error.is_refusal()) {
    work.conclude(condition::kRedeployed, blocked("WriteRefused", error.to_string()));
    return step_waits(work.world().settings.retry);
  }
  if (error.code == ErrorCode::kConflict || error.outcome_unknown)
    return step_waits(work.world().settings.recheck);
  return written;
}

/// KubeVirt takes a disk as it is that has the name of the one to be imported. Nothing: the name is free.
std::optional<StepResult> refuse_taken_name(IncidentWork& work, const Machine& machine) {
  const std::string disk =
      targets::next_root_data_volume(machine, work.status().images, work.incident().name);
  if (disk.empty()) return std::nullopt;
  const auto foreign = work.world().cluster->machines.foreign_disk(disk, machine);
  if (!foreign) return StepResult(fail(foreign.error()));
  if (foreign->empty()) return std::nullopt;
  work.conclude(condition::kRedeployed,
                blocked("NameTaken", *foreign + " has the name of the machine's new disk, and is not the "
                                                "machine's: find out who made it, and delete it"));
  return step_waits(work.world().settings.retry);
}

StepResult pin(IncidentWork& work, const Machine& machine, const OwnerRef& owner) {
  if (auto waits = ask_before_pin(work, machine.gitops_owner)) return *waits;
  if (auto waits = ask_to_pin_again(work)) return *waits;
  const auto live = work.world().cluster->machines.read_machine_document(machine.meta.name_space, owner);
  if (!live) return fail(live.error());
  auto action = targets::plan_machine_pin(*live, work.status().images, work.incident().name);
  if (!action && action.error().code == ErrorCode::kAlreadyExists)
    return step_waits(work.world().settings.recheck);
  if (!action) return fail(std::move(action).error());
  if (auto waits = refuse_taken_name(work, machine)) return *waits;
  action->id = next_pin(work);
  work.conclude(condition::kRedeployed, blocked("Pinning", action->description));
  return conclude_write(work, carry_out_on_machine(work, *action));
}

/// Ends an instance: the victim, or one that was made of the template from before the pin.
StepResult restart(IncidentWork& work, const Machine& machine, const targets::MachineInstance& instance) {
  if (work.mode() < Mode::kFull) {
    work.conclude(condition::kRedeployed,
                  blocked("ModeForbids", "the mode does not permit to restart the machine"));
    return step_waits(work.world().settings.recheck);
  }
  if (!targets::can_restart(machine)) {
    return leave_to_person(work, "RunStrategy",
                           "run strategy " + machine.run_strategy + " forbids that a machine is restarted");
  }
  const bool is_victim = instance.meta.uid == work.target().uid;
  if (is_victim) {
    if (auto waits = ask_before_evidence_is_lost(
            work, !instance.is_final(),
            "restarting virtual machine " + machine.meta.name + " ends the instance")) {
      return *waits;
    }
  } else {
    work.note_once("Instance " + instance.meta.uid + " was started of the template from before the pin");
  }
  const Action action = targets::plan_restart(machine, instance.meta.uid);
  work.conclude(condition::kRedeployed, blocked("Restarting", action.description));
  if (is_applied(work.incident(), action.id)) return step_waits(work.world().settings.recheck);
  // The next instance starts as the template says. This one is paused and in quarantine until it ends.
  if (auto given = give_links_back(work); !given || !given->done) return conclude_write(work, given);
  return conclude_write(work, carry_out_on_machine(work, action));
}

std::optional<StepOutcome> ask_to_rebuild(IncidentWork& work, const Machine& machine) {
  if (!work.playbook()->requires_approval("redeploy")) return std::nullopt;
  return ask_before_redeployment(work, kRebuildQuestion,
                                 "rebuilding virtual machine " + machine.meta.name_space + "/" +
                                     machine.meta.name +
                                     " ends the instance and what it has not on lasting disks");
}

StepResult rebuild(IncidentWork& work) {
  const OwnerRef owner = work.owner();
  if (owner.kind != kMachineKind)
    return leave_to_person(work, "BareInstance",
                           "no VirtualMachine owns the instance, so that none makes another");
  const auto machine = work.world().cluster->machines.read_machine(work.target().name_space, owner);
  if (!machine) return fail(machine.error());
  if (!*machine) return leave_to_person(work, "OwnerGone", "VirtualMachine " + owner.name + " is gone");
  const targets::RebuildSources sources = targets::rebuild_sources(**machine);
  if (!sources.obstacle.empty()) return leave_to_person(work, "NotRebuildable", sources.obstacle);
  bool is_prepared = targets::is_machine_prepared(**machine, work.status().images, work.incident().name);
  if (!is_prepared) forget_outdated_images(work, questions(work, sources));
  if (work.status().images.empty()) {
    if (auto waits = decide_images(work, questions(work, sources), owner.uid)) return *waits;
    for (const std::string& volume : sources.kept)
      work.note("Volume " + volume + " keeps what was written to it");
    is_prepared = targets::is_machine_prepared(**machine, work.status().images, work.incident().name);
  }
  const auto now = replacement_now(work, owner.name);
  if (!now) return fail(now.error());
  const auto& instance = now->instance;
  const bool victim_runs = instance && instance->meta.uid == work.target().uid;
  const bool is_to_end = victim_runs || (instance && !targets::starts_as_template(*instance, **machine));
  if (is_to_end || !is_prepared) {
    if (auto waits = ask_to_rebuild(work, **machine)) return *waits;
  }
  if (!is_prepared) return pin(work, **machine, owner);
  settle_pin(work);
  settle_restarts(work, instance);
  if (is_to_end && instance->meta.being_deleted) {
    if (auto given = give_links_back(work); !given || !given->done) return conclude_write(work, given);
    work.conclude(condition::kRedeployed, blocked("Restarting", "the instance of before is ending"));
    return step_waits(work.world().settings.recheck);
  }
  if (is_to_end) return restart(work, **machine, *instance);
  work.settle("redeploy", {});
  const Finding finding = targets::assess_machine_redeployed(*now, work.target().uid, work.status().images);
  work.conclude(condition::kRedeployed, finding);
  if (!finding.holds()) return step_waits(work.world().settings.recheck);
  if (!work.status().times.redeployed) work.status().times.redeployed = work.now();
  return step_done();
}

/// Whether the guest agent was connected before the machine was paused.
bool had_agent(IncidentWork& work) {
  for (const JournalEntry& entry : work.status().journal) {
    if (entry.action.id == kPause) return targets::had_agent(entry.action).value_or(false);
  }
  return false;
}

}  // namespace

StepResult MachineSteps::redeploy(IncidentWork& work) const {
  if (work.playbook()->step<RedeployStep>() == nullptr) return step_done();
  return conclude_redeployment(work, rebuild(work));
}

StepResult MachineSteps::verify(IncidentWork& work) const {
  if (work.playbook()->step<RedeployStep>() == nullptr) return conclude_containment(work);
  const auto now = replacement_now(work, work.owner().name);
  if (!now) return fail(now.error());
  const Finding finding =
      targets::assess_machine_recovered(*now, work.target().uid, work.status().images, had_agent(work));
  if (finding.holds() && work.status().replacement.empty() && !now->launchers.empty())
    work.status().replacement = now->launchers.front().meta.name;
  return conclude_recovery(work, finding);
}

}  // namespace kintsugi::controller
