// SPDX-License-Identifier: Apache-2.0
//
// The links of a machine's network cards during an incident: down while it is contained, as they were before
// whenever the instance is replaced or released.
#pragma once

#include <optional>
#include <string>

#include "controller/target_steps.h"
#include "net/http.h"
#include "targets/kubevirt/launcher.h"
#include "targets/kubevirt/machine_target.h"

namespace kintsugi::controller {

/// Why this KubeVirt would not do what plan_links_down() has planned for the instance, by a dry run; empty:
/// it would.
Result<std::string> foresee_links_down(const targets::MachineTarget& machines,
                                       const targets::MachineInstance& instance, const Action& planned,
                                       net::Priority priority = net::Priority::kNormal);

/// Takes down what no NetworkPolicy reaches, and again where somebody brings it up; says in `note` how that
/// stands. A result: the step waits. Nothing: it goes on with the assessment.
std::optional<StepResult> take_links_down(IncidentWork& work, const targets::MachineInstance& instance,
                                          targets::LinkNote& note);

/// Gives the links back in the machine's template. Done: nothing is left to be given back.
StepResult give_links_back(IncidentWork& work);

/// Whether that has begun: the instance is about to go, and its links are not taken down any more.
bool has_begun_to_give_links_back(const Incident& incident);

}  // namespace kintsugi::controller
