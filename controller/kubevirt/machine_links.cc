// SPDX-License-Identifier: Apache-2.0
#include "controller/kubevirt/machine_links.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/containment_questions.h"
#include "controller/kubevirt/machine_steps.h"
#include "targets/kubevirt/machine_links.h"

namespace kintsugi::controller {
namespace {

using State = JournalEntry::State;
using targets::LinkNote;
using targets::MachineInstance;

/// So long KubeVirt may take to show a link as down before a person is asked.
constexpr std::chrono::seconds kLinkPatience{15};

const JournalEntry* entry_of(const Incident& incident, std::string_view id) {
  const auto& journal = incident.status.journal;
  const auto found = std::find_if(journal.begin(), journal.end(),
                                  [&](const JournalEntry& entry) { return entry.action.id == id; });
  return found == journal.end() ? nullptr : &*found;
}

void settle_entry(IncidentWork& work, std::string_view id) {
  settle_planned(work, [&](const JournalEntry& entry) { return entry.action.id == id; });
}

/// The template says so, and the instance does not show it.
void expect_soon(IncidentWork& work, LinkNote& note) {
  const Condition* contained = find_condition(work.status(), condition::kContained);
  note.is_pending = contained == nullptr || contained->status == ConditionStatus::kTrue ||
                    work.now() - contained->last_transition_time < kLinkPatience;
  if (!note.is_pending) note.why_not = "KubeVirt was asked to take it down, and does not show it";
}

/// Makes the change, once it is known that KubeVirt's definitions keep it. Nothing: it is not to be.
std::optional<StepResult> try_to_take_down(IncidentWork& work, const MachineInstance& instance, Action action,
                                           LinkNote& note) {
  const auto& machines = work.world().cluster->machines;
  const JournalEntry* before = entry_of(work.incident(), targets::kLinksDown);
  const bool is_again = before != nullptr && before->state == State::kApplied;
  auto obstacle = foresee_links_down(machines, instance, action);
  if (!obstacle) return StepResult(fail(std::move(obstacle).error()));
  if (!obstacle->empty()) {
    note.why_not = std::move(*obstacle);
    return std::nullopt;
  }
  if (is_again) {
    if (!may_reassert(work)) return step_waits(work.world().settings.recheck);
    work.note("The links were brought up by somebody and are taken down again");
  }
  const auto done = carry_out_on_machine(work, action);
  if (done) return done->done ? step_waits(std::chrono::milliseconds(0)) : done;
  if (done.error().code == ErrorCode::kConflict || done.error().outcome_unknown)
    return step_waits(work.world().settings.recheck);
  if (!done.error().is_refusal()) return done;
  note.why_not = done.error().to_string();
  return std::nullopt;
}

}  // namespace

Result<std::string> foresee_links_down(const targets::MachineTarget& machines,
                                       const MachineInstance& instance, const Action& planned,
                                       net::Priority priority) {
  const auto foreseen = machines.foresee(planned, priority);
  if (!foreseen && !foreseen.error().is_refusal()) return fail(foreseen.error());
  if (!foreseen) return foreseen.error().to_string();
  const auto left = targets::plan_links_down(*foreseen, instance);
  const bool is_kept = !left && left.error().code == ErrorCode::kAlreadyExists;
  return is_kept ? std::string() : "this KubeVirt knows no state of a card";
}

std::optional<StepResult> take_links_down(IncidentWork& work, const MachineInstance& instance,
                                          LinkNote& note) {
  const bool has_open = std::any_of(instance.networks.begin(), instance.networks.end(),
                                    [](const targets::MachineNetwork& network) { return !network.is_down; });
  if (!has_open) {
    settle_entry(work, targets::kLinksDown);
    return std::nullopt;
  }
  note.why_not = targets::obstacle_to_links_down(instance);
  if (note.why_not.empty() && instance.meta.controller.kind != targets::kMachines.kind)
    note.why_not = "no VirtualMachine owns the instance";
  const bool is_ending = instance.meta.being_deleted || instance.is_final();
  if (!note.why_not.empty() || is_ending || has_begun_to_give_links_back(work.incident()))
    return std::nullopt;
  const auto live = work.world().cluster->machines.read_machine_document(instance.meta.name_space,
                                                                         instance.meta.controller);
  if (!live && live.error().code != ErrorCode::kNotFound) return StepResult(fail(live.error()));
  if (!live) {
    note.why_not = "its VirtualMachine is gone";
    return std::nullopt;
  }
  const JournalEntry* before = entry_of(work.incident(), targets::kLinksDown);
  auto action = targets::plan_links_down(*live, instance, before == nullptr ? nullptr : &before->action);
  if (action) return try_to_take_down(work, instance, std::move(*action), note);
  if (action.error().code == ErrorCode::kAlreadyExists) {
    settle_entry(work, targets::kLinksDown);
    expect_soon(work, note);
  } else {
    note.why_not = action.error().message;
  }
  return std::nullopt;
}

StepResult give_links_back(IncidentWork& work) {
  const JournalEntry* entry = entry_of(work.incident(), targets::kLinksDown);
  if (entry == nullptr || (entry->state != State::kApplied && entry->state != State::kPlanned))
    return step_done();
  const Action down = entry->action;
  const auto live =
      work.world().cluster->machines.read_machine_document(work.target().name_space, work.owner());
  if (!live && live.error().code != ErrorCode::kNotFound) return fail(live.error());
  if (live) {
    const auto action = targets::plan_links_up(*live, down);
    if (!action && action.error().code != ErrorCode::kAlreadyExists) return fail(action.error());
    if (!action) settle_entry(work, targets::kLinksUp);
    if (action) {
      const auto done = carry_out_on_machine(work, *action);
      if (!done && done.error().code == ErrorCode::kConflict)
        return step_waits(work.world().settings.recheck);
      if (!done || !done->done) return done;
    }
  }
  if (auto kept = work.journal(down, State::kUndone); !kept) return fail(kept.error());
  return step_done();
}

bool has_begun_to_give_links_back(const Incident& incident) {
  const JournalEntry* down = entry_of(incident, targets::kLinksDown);
  const bool is_undone = down != nullptr && down->state == State::kUndone;
  return is_undone || entry_of(incident, targets::kLinksUp) != nullptr;
}

}  // namespace kintsugi::controller
