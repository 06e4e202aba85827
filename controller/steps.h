// SPDX-License-Identifier: Apache-2.0
//
// The verbs of a playbook. Each looks at the world, does what is missing, and says whether the next one may
// begin. None sleeps; each may be run again at any time, also after a crash in its middle, and ends in the
// same state.
#pragma once

#include <chrono>
#include <optional>

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

/// Isolates the victim and proves it; re-asserts what somebody undid. `may_send` is asked right before the
/// write, which has `timeout`.
StepResult contain(IncidentWork& work, const std::function<bool()>& may_send,
                   std::chrono::milliseconds timeout);
/// Preserves evidence, in a job.
StepResult collect(IncidentWork& work);
/// Sees to it that the owner runs accepted digests only.
StepResult redeploy(IncidentWork& work);
/// Waits until the service is back and has stayed quiet, then closes.
StepResult verify(IncidentWork& work);
/// Says why the service is not back, or not any more: its recovery time counts only once it has stayed.
void withdraw_recovery(IncidentWork& work, const Finding& finding);
/// What the verification concludes in place of `finding`, why the service is not back, once `readySeconds`
/// have passed since it was to be; nothing: there is still time.
std::optional<Finding> past_deadline(IncidentWork& work, const Finding& finding);
/// What a person ordered: a false alarm.
StepResult release(IncidentWork& work);
/// After the closing: what becomes of the victim, as the playbook says.
StepResult dispose_of_victim(IncidentWork& work);

/// Whether the playbook (may be nullptr) has the victim of this incident, which is over, deleted, and that is
/// still to come.
bool awaits_disposal(const Incident& incident, const Playbook* playbook);

/// Whether the mode and leadership allow a destructive write of the leader now.
bool leader_may_send(IncidentWork& work);

}  // namespace kintsugi::controller
