// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>

#include "base/clock.h"
#include "base/result.h"
#include "net/http.h"

namespace kintsugi::k8s {

/// A token bucket that contains bugs of ours (K12.11); fairness between clients is the server's. Thread-safe.
///
/// kContainment never waits, and may take tokens that are still to come, up to a burst: while many victims
/// are isolated at once, the rest holds still. kNormal waits for a token. kBackground waits for one that
/// nobody else waits for. When the server throttles us, tokens pause for as long as it said, at most 10 s,
/// and the rate halves, down to 1/s, at most once a second; it grows back linearly, to the full rate within
/// 30 s.
class RateLimiter {
 public:
  struct Options {
    double queries_per_second = 50;
    double burst = 100;
  };

  /// `clock` must outlive this object.
  RateLimiter(Options options, const Clock& clock);

  /// Blocks until the request may be sent. Errors: kTimeout at `deadline`, kCancelled.
  Result<void> acquire(net::Priority priority, MonotonicTime deadline, const std::stop_token& stop);
  /// Call for each 429.
  void throttled(std::optional<std::chrono::milliseconds> retry_after);

  /// Tokens per second at the moment, for metrics.
  double rate() const;

 private:
  void refill(MonotonicTime now);
  bool take(net::Priority priority, MonotonicTime now);
  MonotonicTime next_chance(MonotonicTime now) const;
  Result<void> wait_for_token(std::unique_lock<std::mutex>& lock, net::Priority priority,
                              MonotonicTime deadline, const std::stop_token& stop);

  const Options options_;
  const Clock& clock_;
  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable wake_;
  double tokens_;
  double rate_;
  unsigned normal_waiting_ = 0;
  MonotonicTime refilled_at_;
  MonotonicTime paused_until_;
  MonotonicTime halved_at_;
};

}  // namespace kintsugi::k8s
