// SPDX-License-Identifier: Apache-2.0
//
// Plays a story once: the world is made, the controller starts behind the proxy, the signal is sent (again
// and again until it is accepted, as sensors do), the controller is started again whenever it died, until the
// incident is over and nothing happens any more.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/faults/rule.h"
#include "tests/faults/story.h"

namespace kintsugi::faults {

/// Plays are mostly waiting, so that more of them than there are processors go on at once.
inline constexpr unsigned kAtOnce = 8;

/// Kills the controller at its call `number`.
struct KillPoint {
  std::size_t number = 0;
  bool after = false;  ///< once the server has acted; else before it sees the call
};

struct PlayOptions {
  // All of these hold from the signal on; in a false alarm from the person's order on.
  std::vector<Rule> rules = {};
  std::uint64_t seed = 0;  ///< of the rules' dice
  std::optional<KillPoint> kill_point = {};
  std::optional<std::chrono::milliseconds> kill_after = {};  ///< a moment instead of a call
  std::chrono::milliseconds watch_age{0};  ///< Proxy::end_watches_after(), from the start on
  std::chrono::milliseconds patience{30'000};
};

struct Ending {
  std::vector<std::string> problems;  ///< how the end differs from what is promised
  std::vector<Call> calls;            ///< from the moment on from which the options held
  unsigned lives = 0;                 ///< how often the controller was started
  std::chrono::milliseconds slowest_start{0};
  std::chrono::milliseconds took{0};  ///< from that moment on
  std::string log;                    ///< the controller's, of all its lives

  /// All of it, for people.
  std::string to_string() const;
};

Ending play(Cluster& cluster, const Story& story, const PlayOptions& options);

}  // namespace kintsugi::faults
