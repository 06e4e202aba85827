// SPDX-License-Identifier: Apache-2.0
//
// What comes before a template is changed, whatever kind of workload has it: which images may run, whether a
// pin would last, and whom to ask.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/cluster.h"
#include "controller/target_steps.h"

namespace kintsugi::controller {

/// Redeployed=False.
Finding blocked(std::string reason, std::string message);

/// Adds to each question what ran of its container, and whether its template names something else by now: a
/// name behind the registry and the path, which admission may have rewritten, that is another one.
void add_running(std::vector<ImageQuestion>& questions, const std::vector<RunningImage>& running);

/// Decides, in a job, which images may run, and keeps them in the incident. Nothing: they are there. Else the
/// step waits, and the condition says for what.
std::optional<StepOutcome> decide_images(IncidentWork& work, std::vector<ImageQuestion> questions,
                                         const std::string& workload_uid);

/// For a template that names no accepted images. What was decided about another one counts no more, nor what
/// a person has agreed to because of it: what somebody chose since may be accepted, too, and is not rolled
/// back unread.
void forget_outdated_images(IncidentWork& work, const std::vector<ImageQuestion>& now);

/// Whether a template may be pinned to the incident's images: nobody else keeps it (`gitops_owner` is empty),
/// and the mode permits it. Nothing: it may.
std::optional<StepOutcome> ask_before_pin(IncidentWork& work, const std::string& gitops_owner);
/// After three pins somebody or something works against them, and a person is asked. Nothing: pin.
std::optional<StepOutcome> ask_to_pin_again(IncidentWork& work);
/// The id of the next pin, each of which has an undo of its own; one whose answer was lost is sent again
/// under its own.
std::string next_pin(IncidentWork& work);
/// A pin whose answer was lost has taken effect where the template shows it.
void settle_pin(IncidentWork& work);
/// Whether there is such a pin.
bool has_planned_pin(const Incident& incident);

}  // namespace kintsugi::controller
