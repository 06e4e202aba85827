// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "controller/incident_work.h"

namespace kintsugi::controller {

/// Deletes incidents that are over and not kept any more (incidents/retention.h), a few at a time: the
/// leader's, every now and then. Each is deleted only as it was seen, and folded into the ledger by its
/// finalizer before it goes. What fails is left to the next time.
void expire_incidents(World& world, std::stop_token stop);

}  // namespace kintsugi::controller
