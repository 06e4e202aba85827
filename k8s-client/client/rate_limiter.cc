// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/client/rate_limiter.h"

#include <algorithm>

namespace kintsugi::k8s {
namespace {

constexpr double kLeastRate = 1;
constexpr double kRecoverySeconds = 30;
constexpr std::chrono::seconds kHalveAtMostEvery{1};
constexpr std::chrono::milliseconds kLongestPause{10'000};
constexpr std::chrono::milliseconds kShortestWait{1};

double seconds_of(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

std::chrono::nanoseconds to_duration(double seconds) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
}

}  // namespace

RateLimiter::RateLimiter(Options options, const Clock& clock)
    : options_(options),
      clock_(clock),
      tokens_(options.burst),
      rate_(options.queries_per_second),
      refilled_at_(clock.monotonic()) {}

void RateLimiter::refill(MonotonicTime now) {
  const double elapsed = seconds_of(now - refilled_at_);
  if (elapsed <= 0) return;
  refilled_at_ = now;
  tokens_ = std::min(options_.burst, tokens_ + elapsed * rate_);
  rate_ =
      std::min(options_.queries_per_second, rate_ + elapsed * options_.queries_per_second / kRecoverySeconds);
}

bool RateLimiter::take(net::Priority priority, MonotonicTime now) {
  refill(now);
  if (priority == net::Priority::kContainment) {
    tokens_ = std::max(-options_.burst, tokens_ - 1);  // what it takes, others wait for
    return true;
  }
  if (now < paused_until_ || tokens_ < 1) return false;
  if (priority == net::Priority::kBackground && normal_waiting_ > 0) return false;
  tokens_ -= 1;
  return true;
}

MonotonicTime RateLimiter::next_chance(MonotonicTime now) const {
  const MonotonicTime full_token = now + to_duration(std::max(0.0, 1 - tokens_) / rate_);
  return std::max({full_token, paused_until_, now + kShortestWait});
}

Result<void> RateLimiter::wait_for_token(std::unique_lock<std::mutex>& lock, net::Priority priority,
                                         MonotonicTime deadline, const std::stop_token& stop) {
  for (;;) {
    if (stop.stop_requested())
      return fail(ErrorCode::kCancelled, "stopped while waiting for the client's rate limit");
    const MonotonicTime now = clock_.monotonic();
    if (take(priority, now)) return {};
    if (now >= deadline) return fail(ErrorCode::kTimeout, "waited too long for the client's rate limit");
    clock_.wait_until(lock, wake_, std::min(deadline, next_chance(now)));
  }
}

Result<void> RateLimiter::acquire(net::Priority priority, MonotonicTime deadline,
                                  const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] {
    std::lock_guard lock(mutex_);
    wake_.notify_all();
  });
  std::unique_lock lock(mutex_);
  const bool normal = priority == net::Priority::kNormal;
  if (normal) ++normal_waiting_;
  auto done = wait_for_token(lock, priority, deadline, stop);
  if (normal && --normal_waiting_ == 0) wake_.notify_all();
  return done;
}

void RateLimiter::throttled(std::optional<std::chrono::milliseconds> retry_after) {
  std::lock_guard lock(mutex_);
  const MonotonicTime now = clock_.monotonic();
  refill(now);
  const auto pause = std::clamp(retry_after.value_or(std::chrono::milliseconds(0)),
                                std::chrono::milliseconds(0), kLongestPause);
  paused_until_ = std::max(paused_until_, now + pause);
  if (now - halved_at_ < kHalveAtMostEvery) return;
  halved_at_ = now;
  rate_ = std::max(std::min(kLeastRate, options_.queries_per_second), rate_ / 2);
}

double RateLimiter::rate() const {
  std::lock_guard lock(mutex_);
  return rate_;
}

}  // namespace kintsugi::k8s
