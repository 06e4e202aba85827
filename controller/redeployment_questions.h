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

/// Waits for what the step needs a person for; a denial ends the automatic part. Nothing: it was approved.
std::optional<StepOutcome> ask_before_redeployment(IncidentWork& work, std::string_view question,
                                                   const std::string& why);

/// Hands `outcome` of a redeployment on. Where it is not done, and why not is in condition Redeployed, the
/// service is not back, which counts once its deadline has passed, or takes a recovery back.
StepResult conclude_redeployment(IncidentWork& work, StepResult outcome);

/// How long to wait for what may take long: as long again as the condition has not been met, a minute at
/// most.
std::chrono::nanoseconds patience(IncidentWork& work, std::string_view condition);

}  // namespace kintsugi::controller
