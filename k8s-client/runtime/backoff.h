// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <string_view>

#include "base/clock.h"

namespace kintsugi::k8s {

/// Exponential delays: initial × factor^n, at most cap, then up to `jitter` times itself on top (K2.9, K5.3).
struct BackoffPolicy {
  std::chrono::nanoseconds initial{std::chrono::milliseconds(800)};
  double factor = 2.0;
  std::chrono::nanoseconds cap{std::chrono::seconds(30)};
  double jitter = 1.0;  ///< 1.0: at the cap a delay lies in [cap, 2 × cap)
};

/// The delay after `failures` earlier ones; `random` is in [0, 1). Never overflows.
std::chrono::nanoseconds backoff_delay(const BackoffPolicy& policy, unsigned failures, double random);

/// A seed for the jitter of one thing that a process does: other for every process (`identity`, of a process
/// or of its random device) and for every `purpose` ("pods"), so that neither goes in step with another.
std::uint64_t jitter_seed(std::uint64_t identity, std::string_view purpose);

/// One sequence of delays that starts again once nothing has failed for `reset_after` (K2.9). Not
/// thread-safe.
class Backoff {
 public:
  Backoff(BackoffPolicy policy, std::chrono::nanoseconds reset_after, std::uint64_t seed)
      : policy_(policy), reset_after_(reset_after), random_(seed) {}

  /// Counts a failure at `now` and returns how long to wait.
  std::chrono::nanoseconds next(MonotonicTime now);
  /// The same, but the first failure after a healthy time waits not at all.
  std::chrono::nanoseconds next_unless_first(MonotonicTime now);

 private:
  void forget_old_failures(MonotonicTime now);

  BackoffPolicy policy_;
  std::chrono::nanoseconds reset_after_;
  std::mt19937_64 random_;
  unsigned failures_ = 0;
  MonotonicTime healthy_since_{};  ///< when the last delay ended
};

}  // namespace kintsugi::k8s
