// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <stop_token>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "controller/settings.h"

namespace kintsugi::controller {

/// Runs until `stop`; the error says why it could not start.
using Run = std::function<Result<void>(const Settings& settings, const Clock& clock, Logger& log,
                                       std::stop_token stop)>;

/// The whole of a controller's process: reads the command line, runs the controller of a cluster or, with
/// --host, `run_host`, until SIGTERM or SIGINT. Returns the exit status: 2 for a wrong command line.
int run_program(int argc, char** argv, const Run& run_host);

}  // namespace kintsugi::controller
