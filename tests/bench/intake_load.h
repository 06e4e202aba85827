// SPDX-License-Identifier: Apache-2.0
//
// What sensors do to the controller: single events, and floods of them.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "cluster.h"
#include "tests/support/controller_process.h"

namespace kintsugi::bench {

/// What the controller said to a signal.
struct Taken {
  std::string result;    ///< "opened", …; empty: it was not accepted
  std::string incident;  ///< of the results that have one
  std::string problem;   ///< why it was not accepted, or not at the first try

  /// Its incident exists. A signal that is sent again may meet the incident that it opened before.
  bool is_durable() const { return !incident.empty(); }
};

/// The event about a pod, as JSON, seen now.
std::string event_about(const Victim& victim, const std::string& rule);

/// Sends an event. Sent again, as sensors do, as long as the controller answers that it should be.
Taken send_signal(support::ControllerProcess& controller, const Victim& victim, const std::string& rule);

struct Flood {
  std::size_t accepted = 0;  ///< answered 202 with the expected result
  std::size_t others = 0;    ///< other answers, and none
  std::chrono::nanoseconds took{0};
};

/// Sends one event over and over on `connections` connections for `time`. libcurl would cost more than the
/// controller that it loads, so this speaks HTTP with sockets of its own. Loopback only.
Flood flood(const std::string& signals_url, const std::string& event, const std::string& expected,
            std::size_t connections, std::chrono::nanoseconds time);

}  // namespace kintsugi::bench
