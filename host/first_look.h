// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "host/domain_inventory.h"

namespace kintsugi::host {

/// Whether waiting does not mend what a host has said: credentials, rights, or an address of something else.
bool is_misconfigured(const Error& error);

/// Looks at the domains of the host until they are known, as often as a connection that was lost is tried
/// again. Errors: what is_misconfigured() by itself; kCancelled where a stop is requested.
Result<void> await_domains(DomainInventory& inventory, const Clock& clock, Logger& log,
                           const std::stop_token& stop);

}  // namespace kintsugi::host
