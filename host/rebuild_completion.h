// SPDX-License-Identifier: Apache-2.0
//
// What follows the switch of a rebuild: the breached process ends, the rebuilt machine is started, and it is
// seen to run. And what the whole of a rebuild says of itself.
#pragma once

#include <string>

#include "controller/redeployment_questions.h"
#include "host/domain_steps.h"
#include "host/machine_files.h"

namespace kintsugi::host {

// What a person may be asked about a rebuild, beside what is the same for every kind of machine.
using controller::kEvidenceQuestion;
using controller::kRebuildQuestion;
/// The question, and what was decided.
inline constexpr char kKeptDisks[] = "redeploy/data-disks";
inline constexpr char kStartQuestion[] = "redeploy/start-again";
inline constexpr char kImageQuestion[] = "verify/image";

/// So often a rebuilt machine is started that ends before it was seen to run, until a person is asked.
inline constexpr unsigned kMaxStarts = 3;

/// Says why the machine is not rebuilt, and asks a person where only one can change that.
controller::StepOutcome rebuild_waits(IncidentWork& work, std::string reason, std::string message,
                                      bool needs_person);
/// What a retry may mend is tried again; the rest is a person's. `reason`: where the error has none.
controller::StepOutcome rebuild_failed(IncidentWork& work, const char* reason, const Error& error);

/// What a machine is told at its first boot, by its administrator's terms.
MachineIdentity machine_identity(IncidentWork& work, const targets::DomainTerms& terms);

/// One reconcile of a domain whose persistent definition is this incident's rebuilt one.
StepResult complete_rebuild(const DomainWorld& domains, IncidentWork& work,
                            const targets::DomainObservation& domain);

}  // namespace kintsugi::host
