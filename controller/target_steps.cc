// SPDX-License-Identifier: Apache-2.0
#include "controller/target_steps.h"

#include <algorithm>

namespace kintsugi::controller {

bool leader_may_send(IncidentWork& work) {
  return work.is_still_permitted() && work.world().leadership.leads() &&
         work.world().leadership.outlasts(work.world().settings.leader_contain_timeout +
                                          std::chrono::seconds(1));
}

std::optional<StepResult> plan_before_sending(IncidentWork& work, const Action& action) {
  if (auto kept = work.journal(action, JournalEntry::State::kPlanned); !kept)
    return StepResult(fail(std::move(kept).error()));
  if (auto saved = work.save(); !saved) return StepResult(fail(std::move(saved).error()));
  if (!leader_may_send(work)) return StepResult(step_waits(work.world().settings.recheck));
  return std::nullopt;
}

StepResult finish_release(IncidentWork& work, const std::string& message) {
  const ReleaseOrder& order = *work.incident().spec.release;
  work.note("Released by " + order.by + ": " + message);
  work.world().jobs.cancel(work.incident().name);
  work.end(Outcome::kReleased, "Released", message);
  return step_done();
}

namespace {

bool has_entry(const Incident& incident, std::string_view id, JournalEntry::State state) {
  const auto& journal = incident.status.journal;
  return std::any_of(journal.begin(), journal.end(), [&](const JournalEntry& entry) {
    return entry.action.id == id && entry.state == state;
  });
}

}  // namespace

bool is_applied(const Incident& incident, std::string_view id) {
  return has_entry(incident, id, JournalEntry::State::kApplied);
}

bool is_planned(const Incident& incident, std::string_view id) {
  return has_entry(incident, id, JournalEntry::State::kPlanned);
}

bool is_settled(const Incident& incident, std::string_view id) {
  const auto& journal = incident.status.journal;
  return std::any_of(journal.begin(), journal.end(), [&](const JournalEntry& entry) {
    return entry.action.id == id && entry.state != JournalEntry::State::kPlanned;
  });
}

void settle_planned(IncidentWork& work, const std::function<bool(const JournalEntry&)>& is_meant,
                    JournalEntry::State state) {
  for (const JournalEntry& entry : work.status().journal) {
    if (entry.state != JournalEntry::State::kPlanned || !is_meant(entry)) continue;
    const Action action = entry.action;
    work.note("Done: " + action.description);
    (void)work.journal(action, state);  // cannot fail: the entry is there
    return;
  }
}

bool awaits_disposal(const Incident& incident, const Playbook* playbook) {
  const auto* step = playbook == nullptr ? nullptr : playbook->step<ReleaseStep>();
  if (step == nullptr || step->victim != ReleaseStep::Victim::kDelete ||
      incident.status.outcome != Outcome::kRecovered) {
    return false;
  }
  return !is_applied(incident, kDisposal);
}

}  // namespace kintsugi::controller
