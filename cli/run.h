// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <iosfwd>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cli/exit_code.h"
#include "k8s-client/auth/in_cluster.h"
#include "k8s-client/client/renewing_transport.h"

namespace kintsugi::cli {

/// What the process has that a command needs.
struct Surroundings {
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
  /// As Console::ask.
  std::function<std::string(std::string_view question)> ask;
  k8s::Environment environment;
  const Clock& clock;
  k8s::TransportFactory make_transport;
  std::stop_token stop;
};

/// The whole program: parses `arguments` (the program's name first), connects, runs the verb, prints. Errors
/// go to `err` as one line.
ExitCode run(const std::vector<std::string>& arguments, const Surroundings& surroundings);

}  // namespace kintsugi::cli
