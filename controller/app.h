// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "controller/settings.h"

namespace kintsugi::controller {

/// Runs the controller until `stop` is requested or leadership is lost for good: connects, fills its caches,
/// takes signals, leads where it can. Errors are those of the start (kubeconfig, addresses, certificates,
/// missing CRDs).
Result<void> run_controller(const Settings& settings, const Clock& clock, Logger& log, std::stop_token stop);

}  // namespace kintsugi::controller
