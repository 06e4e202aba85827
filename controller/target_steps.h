// SPDX-License-Identifier: Apache-2.0
//
// The verbs of a playbook, for one kind of target. Each looks at the world, does what is missing, and says
// whether the next one may begin. None sleeps; each may be run again at any time, also after a crash in its
// middle, and ends in the same state.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "controller/incident_work.h"

namespace kintsugi::controller {

/// What a step says. An error means: try again later (retryable) or when something changes.
struct StepOutcome {
  bool done = false;  ///< the next step may begin
  /// When to look again though nothing may have changed.
  std::optional<std::chrono::nanoseconds> look_again;
};
using StepResult = Result<StepOutcome>;

inline StepOutcome step_done() {
  return {true, std::nullopt};
}
inline StepOutcome step_waits() {
  return {false, std::nullopt};
}
inline StepOutcome step_waits(std::chrono::nanoseconds look_again) {
  return {false, look_again};
}

/// What a person is asked where the victim cannot be contained: approved, the incident may close all the
/// same.
inline constexpr std::string_view kUncontainedQuestion = "contain/uncontained";

/// Whether the mode and leadership allow a destructive write of the leader now.
bool leader_may_send(IncidentWork& work);

/// What comes before such a write: `action` is in the stored journal as planned. Nothing: send it.
std::optional<StepResult> plan_before_sending(IncidentWork& work, const Action& action);

/// Ends an incident as its release order says; `message` is what became of the victim.
StepResult finish_release(IncidentWork& work, const std::string& message);

/// The action that disposes of a victim.
inline constexpr std::string_view kDisposal = "release/delete";
/// Whether the journal says that the action of that id was done.
bool is_applied(const Incident& incident, std::string_view id);
/// Whether it says that the action is planned: it may have been sent, or is to be.
bool is_planned(const Incident& incident, std::string_view id);
/// Whether it was done, or given up: it is not to be tried any more.
bool is_settled(const Incident& incident, std::string_view id);
/// Marks the first planned action that is meant as done (`state`): its answer was lost, and the world shows
/// it.
void settle_planned(IncidentWork& work, const std::function<bool(const JournalEntry&)>& is_meant,
                    JournalEntry::State state = JournalEntry::State::kApplied);
/// Whether the playbook (may be nullptr) has the victim of this incident, which is over, deleted, and that is
/// still to come.
bool awaits_disposal(const Incident& incident, const Playbook* playbook);

/// Thread-safe for different incidents.
class TargetSteps {
 public:
  virtual ~TargetSteps() = default;

  /// Isolates the victim and proves it; re-asserts what somebody undid. `may_send` is asked right before the
  /// write, which has `timeout`.
  virtual StepResult contain(IncidentWork& work, const std::function<bool()>& may_send,
                             std::chrono::milliseconds timeout) const = 0;
  /// Preserves evidence, in a job.
  virtual StepResult collect(IncidentWork& work) const = 0;
  /// Sees to it that what runs in the victim's place comes from accepted images only.
  virtual StepResult redeploy(IncidentWork& work) const = 0;
  /// Waits until the service is back and has stayed quiet, then closes.
  virtual StepResult verify(IncidentWork& work) const = 0;
  /// What a person ordered: a false alarm.
  virtual StepResult release(IncidentWork& work) const = 0;
  /// After the closing: what becomes of the victim, as the playbook says.
  virtual StepResult dispose_of_victim(IncidentWork& work) const = 0;

  /// Why the target is never touched, whatever anybody says; nothing: it may be.
  virtual std::optional<std::string> taboo(const TargetRef& target) const = 0;
  /// Whether anything may be done about the target at all, as far as this process knows now.
  virtual bool is_protected(const TargetRef& target) const = 0;
  /// The strongest mode that is permitted for the target now.
  virtual Mode mode_cap(const TargetRef& target) const = 0;
  /// Whether the target is known to exist, without I/O.
  virtual bool is_known(const TargetRef& target) const = 0;
  /// The same by a live read.
  virtual Result<bool> exists(const TargetRef& target, std::stop_token stop) const = 0;
  /// The incident is over, or is not there any more: nothing has to be remembered about it in this process.
  virtual void forget(const std::string& incident) const = 0;
};

}  // namespace kintsugi::controller
