// SPDX-License-Identifier: Apache-2.0
//
// What is the same for every kind of target while its replacement is not there yet.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/target_steps.h"

namespace kintsugi::controller {

// What a person is asked before a template is pinned, pinned once more against somebody, or a machine
// rebuilt.
inline constexpr std::string_view kPinQuestion = "redeploy/pin";
inline constexpr std::string_view kPinAgainQuestion = "redeploy/pin-again";
inline constexpr std::string_view kRebuildQuestion = "redeploy/rebuild";
/// And before a machine ends of which something is not preserved.
inline constexpr std::string_view kEvidenceQuestion = "redeploy/without-evidence";

/// Waits for what the step needs a person for; a denial ends the automatic part. Nothing: it was approved.
std::optional<StepOutcome> ask_before_redeployment(IncidentWork& work, std::string_view question,
                                                   const std::string& why);

/// The same where the playbook wants evidence, and the rebuild that is due would lose some that is not
/// preserved: all of it, or the memory of a machine that still `has_memory`. `ending`: "the rebuild ends the
/// machine".
std::optional<StepOutcome> ask_before_evidence_is_lost(IncidentWork& work, bool has_memory,
                                                       const std::string& ending);

/// Hands `outcome` of a redeployment on. Where it is not done, and why not is in condition Redeployed, the
/// service is not back, which counts once its deadline has passed, or takes a recovery back.
StepResult conclude_redeployment(IncidentWork& work, StepResult outcome);

/// What takes long is looked at again at least this often.
inline constexpr std::chrono::minutes kMostPatient{1};

/// How long to wait for what may take long: as long again as the condition has not been met, kMostPatient
/// at most.
std::chrono::nanoseconds patience(IncidentWork& work, std::string_view condition);

}  // namespace kintsugi::controller
