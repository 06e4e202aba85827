// SPDX-License-Identifier: Apache-2.0
#include "controller/kubevirt/machine_steps.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/probation.h"
#include "targets/kubevirt/launcher.h"
#include "targets/kubevirt/machine_evidence.h"
#include "targets/kubevirt/machine_rebuild.h"

namespace kintsugi::controller {
namespace {

constexpr DocumentLimits kUndoLimits{256u << 10, 4, 2'000};

/// The labels that an incident's journal says were taken from a launcher.
std::optional<ContainmentRecord> record_in(const Incident& incident, const std::string& id) {
  const auto& journal = incident.status.journal;
  const auto entry = std::find_if(journal.begin(), journal.end(),
                                  [&](const JournalEntry& candidate) { return candidate.action.id == id; });
  if (entry == journal.end()) return std::nullopt;
  const auto undo = parse_json(entry->action.undo, kUndoLimits);
  if (!undo || !undo->is_object() || !undo->contains("labels")) return std::nullopt;
  ContainmentRecord record;
  for (const auto& [key, value] : undo->at("labels").items()) {
    if (value.is_string()) record.labels.emplace(key, value.get<std::string>());
  }
  return record;
}

}  // namespace

std::vector<PodPointer> launchers_of(const targets::ClusterCache& cache, const std::string& instance_uid) {
  auto pods = cache.pods_controlled_by(instance_uid);
  std::erase_if(pods, [](const PodPointer& pod) {
    return pod->phase == "Succeeded" || pod->phase == "Failed" || !targets::instance_of(*pod);
  });
  return pods;
}

std::optional<targets::Undo> undo_of_launcher(IncidentWork& work, const targets::Pod& launcher) {
  const std::string id = targets::launcher_isolation_id(launcher);
  auto record = record_in(work.incident(), id);
  if (!record && !launcher.quarantined()) return std::nullopt;
  if (!record) {
    for (const auto& other : work.world().store.of_target(work.target().uid)) {
      if (other->name == launcher.incident) record = record_in(*other, id);
    }
  }
  return targets::find_undo(launcher, record);
}

StepResult carry_out_on_machine(IncidentWork& work, const Action& action) {
  World& world = work.world();
  if (auto waits = plan_before_sending(work, action)) return *waits;
  const MonotonicTime started = world.clock.monotonic();
  const auto applied = world.cluster->machines.apply(action, {});
  work.count(action, applied.has_value(), world.clock.monotonic() - started);
  if (!applied) return fail(applied.error());
  work.note("Done: " + action.description);
  if (auto kept = work.journal(action, JournalEntry::State::kApplied); !kept) return fail(kept.error());
  return step_done();
}

void settle_pause(IncidentWork& work, const targets::MachineInstance& instance) {
  if (!instance.paused) return;
  const std::string id = targets::plan_pause(instance).id;
  settle_planned(work, [&](const JournalEntry& entry) { return entry.action.id == id; });
}

void settle_restarts(IncidentWork& work, const std::optional<targets::MachineInstance>& now) {
  const std::string running = now && !now->meta.being_deleted ? now->meta.uid : "";
  settle_planned(work, [&](const JournalEntry& entry) {
    return entry.action.id.starts_with(targets::kRestart) &&
           entry.action.id.substr(targets::kRestart.size()) != running;
  });
}

void settle_memory_dump(IncidentWork& work, const nlohmann::json& dump) {
  settle_planned(work, [&](const JournalEntry& entry) {
    return entry.action.id == targets::kMemoryDumpAction &&
           targets::is_memory_dump_taken_up(entry.action, dump);
  });
}

std::optional<std::string> MachineSteps::taboo(const TargetRef& target) const {
  return pods_.taboo(target);
}

bool MachineSteps::is_protected(const TargetRef& target) const {
  return pods_.is_protected(target);
}

Mode MachineSteps::mode_cap(const TargetRef& target) const {
  return pods_.mode_cap(target);
}

bool MachineSteps::is_known(const TargetRef& target) const {
  return !launchers_of(cluster_.cache, target.uid).empty();
}

Result<bool> MachineSteps::exists(const TargetRef& target, std::stop_token stop) const {
  const auto live = cluster_.machines.read(target, std::move(stop));
  if (!live) return fail(live.error());
  return live->has_value();
}

void MachineSteps::forget(const std::string& incident) const {
  pods_.forget(incident);  // the same parts remember it
}

/// A rebuilt machine has no victim any more, and any other stays as it is: its disks are evidence.
StepResult MachineSteps::dispose_of_victim(IncidentWork&) const {
  return step_done();
}

}  // namespace kintsugi::controller
