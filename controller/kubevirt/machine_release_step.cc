// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/kubevirt/machine_links.h"
#include "controller/kubevirt/machine_steps.h"
#include "controller/redeploy_decisions.h"
#include "targets/kubevirt/launcher.h"
#include "targets/kubevirt/machine_evidence.h"
#include "targets/kubevirt/machine_rebuild.h"

namespace kintsugi::controller {
namespace {

using Victim = ReleaseOrder::Victim;

/// A restoration whose answer was lost has taken effect where the launcher wears its labels.
void settle_restoration(IncidentWork& work, const std::string& launcher_uid) {
  const auto is_meant = [&](const JournalEntry& entry) {
    return entry.action.id.starts_with(targets::kRestoration) &&
           entry.action.id.ends_with("/" + launcher_uid);
  };
  settle_planned(work, is_meant, JournalEntry::State::kUndone);
}

/// Gives a launcher its labels back. Done: it is not in this incident's quarantine any more.
StepResult restore_launcher(IncidentWork& work, const PodPointer& known) {
  World& world = work.world();
  auto live = world.cluster->target.read(known->ref(), {});
  if (!live) return fail(std::move(live).error());
  if (!*live || !is_in_quarantine_of(**live, work.incident())) {
    settle_restoration(work, known->meta.uid);
    return step_done();
  }
  const auto undo = undo_of_launcher(work, **live);
  if (auto waits = ask_about_lost_undo(work, undo)) return *waits;
  auto action = targets::plan_restoration(**live, work.incident().name, *undo);
  if (!action) return fail(std::move(action).error());
  action->id += "/" + (*live)->meta.uid;
  if (auto waits = plan_before_sending(work, *action)) return *waits;
  if (auto applied = apply(work, *action); !applied) return fail(std::move(applied).error());
  if (auto kept = work.journal(*action, JournalEntry::State::kUndone); !kept) return fail(kept.error());
  return step_waits(std::chrono::milliseconds(0));  // a late winner may have isolated it again in between
}

/// Lets the processors run where this incident has stopped them. Done: they run, or were stopped before.
StepResult unpause(IncidentWork& work, const targets::MachineInstance& instance) {
  settle_pause(work, instance);
  const bool is_ours = is_applied(work.incident(), targets::plan_pause(instance).id);
  const Action action = targets::plan_unpause(work.target());
  if (!instance.paused || !is_ours) {
    settle_planned(work, [&](const JournalEntry& entry) { return entry.action.id == action.id; });
    return step_done();
  }
  auto done = carry_out_on_machine(work, action);
  if (!done && done.error().code == ErrorCode::kConflict) return step_waits(work.world().settings.recheck);
  if (!done || !done->done) return done;
  return step_waits(std::chrono::milliseconds(0));
}

bool has_planned(const Incident& incident) {
  const auto& journal = incident.status.journal;
  return std::any_of(journal.begin(), journal.end(),
                     [](const JournalEntry& entry) { return entry.state == JournalEntry::State::kPlanned; });
}

/// What was sent to a machine, whose answer was lost, and that the release overtakes: done where the cluster
/// shows it. Else it stays planned.
Result<void> settle_machine(IncidentWork& work) {
  const auto& machines = work.world().cluster->machines;
  const auto instance = machines.find(work.target().name_space, work.target().name);
  if (!instance) return fail(instance.error());
  if (*instance && (*instance)->meta.uid == work.target().uid) settle_pause(work, **instance);
  const auto live = machines.read_machine_document(work.target().name_space, work.owner());
  if (!live) return fail(live.error());
  const auto machine = targets::machine_from(from_json(*live));
  if (!machine) return fail(machine.error());
  const auto& images = work.status().images;
  if (targets::is_machine_prepared(*machine, images, work.incident().name)) settle_pin(work);
  settle_restarts(work, *instance);
  settle_memory_dump(work, targets::memory_dump_of(*live));
  return {};
}

StepResult finish(IncidentWork& work, const std::string& message) {
  if (has_planned(work.incident())) {
    // Where nothing may be read any more, what was planned is given up at the end.
    if (auto settled = settle_machine(work); !settled && settled.error().retryable)
      return fail(std::move(settled).error());
  }
  return finish_release(work, message);
}

StepResult restore(IncidentWork& work, const Cluster& cluster) {
  const auto instance = cluster.machines.read(work.target());
  if (!instance) return fail(instance.error());
  if (auto links = give_links_back(work); !links || !links->done) return links;
  if (!*instance) return finish(work, "the instance no longer exists; nothing to give back");
  for (const PodPointer& launcher : launchers_of(cluster.cache, work.target().uid)) {
    if (auto restored = restore_launcher(work, launcher); !restored || !restored->done) return restored;
  }
  if (auto runs = unpause(work, **instance); !runs || !runs->done) return runs;
  return finish(work, "the launcher has its labels again, and the machine runs");
}

/// Not before its evidence, however little of that could be had: a person has ordered it.
StepResult delete_as_ordered(IncidentWork& work) {
  if (work.playbook() != nullptr) {
    auto collected = work.world().steps.collect(work);
    if (!collected || !collected->done) return collected;
  }
  if (auto links = give_links_back(work); !links || !links->done) return links;
  const Action action = targets::plan_instance_deletion(work.target());
  auto deleted = carry_out_on_machine(work, action);
  if (!deleted && deleted.error().is_refusal()) return finish(work, deleted.error().to_string());
  if (!deleted || !deleted->done) return deleted;
  return finish(work, "the instance was deleted");
}

}  // namespace

StepResult MachineSteps::release(IncidentWork& work) const {
  switch (work.incident().spec.release->victim) {
    case Victim::kRestore: return restore(work, cluster_);
    case Victim::kLeave: return finish(work, "the machine is left in quarantine");
    case Victim::kDelete: return delete_as_ordered(work);
  }
  return step_done();
}

}  // namespace kintsugi::controller
