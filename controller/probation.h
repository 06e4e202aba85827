// SPDX-License-Identifier: Apache-2.0
//
// From "the service is back" to "it has stayed so": what is the same for every kind of target.
#pragma once

#include <optional>

#include "controller/target_steps.h"

namespace kintsugi::controller {

/// Says why the service is not back, or not any more: its recovery time counts only once it has stayed.
void withdraw_recovery(IncidentWork& work, const Finding& finding);

/// What the verification concludes in place of `finding`, why the service is not back, once `readySeconds`
/// have passed since it was to be; nothing: there is still time.
std::optional<Finding> past_deadline(IncidentWork& work, const Finding& finding);

/// What follows from a finding about condition Recovered: the deadline where it is not, and where it is the
/// time, and the end of the incident once it has been quiet.
StepResult conclude_recovery(IncidentWork& work, const Finding& finding);

/// Ends an incident whose playbook promises nothing beyond containment.
StepResult conclude_containment(IncidentWork& work);

}  // namespace kintsugi::controller
