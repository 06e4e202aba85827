// SPDX-License-Identifier: Apache-2.0
//
// What a person is asked about containment, whatever the target. Each is a question of its own: who agreed to
// pass a cap has not agreed to a leak.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "controller/target_steps.h"
#include "playbooks/guards.h"

namespace kintsugi::controller {

/// What is under way elsewhere when a target of `owner` is about to be contained; of the owner itself only
/// its other targets.
playbooks::CapFacts caps_by_others(IncidentWork& work, OwnerRef owner);

inline constexpr std::string_view kGuardedQuestion = "contain/guard";
inline constexpr std::string_view kRemovedQuestion = "contain/removed";

/// So often a quarantine that somebody removed is put back without asking.
inline constexpr std::uint32_t kMaxReassertions = 3;

/// What follows from the guards' verdict. Nothing: it may be contained.
std::optional<StepResult> ask_before_containment(IncidentWork& work, const playbooks::GuardVerdict& verdict);

/// The victim is not contained, and it is a person's to mend that or to go on without. `ways_out` is what
/// else can be done.
void ask_to_go_on(IncidentWork& work, const std::string& problem, const std::string& ways_out);

/// Whether the quarantine may be put back once more, which counts. Somebody works against it: after
/// kMaxReassertions times it is a person's to decide, each time anew.
bool may_reassert(IncidentWork& work);
/// What may_reassert() has counted could not be done and is tried again: nobody has taken anything away anew.
/// Until then the victim is not contained.
void take_back_reassertion(IncidentWork& work, const std::string& obstacle);

}  // namespace kintsugi::controller
