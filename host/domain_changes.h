// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/domain_steps.h"

namespace kintsugi::host {

/// Says in the timeline what somebody has changed of an isolated machine since it was looked at last, each
/// thing once; how it is now is kept in the journal. Whether the running machine has got a network card or
/// another way out that isolation has not seen yet.
bool note_changes(IncidentWork& work, const targets::DomainObservation& domain);

/// The machine is about to be changed by this incident itself: how it is after that is what counts.
void expect_changes(IncidentWork& work);

}  // namespace kintsugi::host
