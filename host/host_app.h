// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "controller/settings.h"

namespace kintsugi::host {

/// Runs the controller of a hypervisor (`--host`) until `stop`. The error says why it could not start.
Result<void> run_host(const controller::Settings& settings, const Clock& clock, Logger& log,
                      std::stop_token stop);

}  // namespace kintsugi::host
