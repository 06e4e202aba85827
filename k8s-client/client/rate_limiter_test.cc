// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/client/rate_limiter.h"

#include <catch2/catch.hpp>

#include <thread>
#include <vector>

#include "k8s-client/client/test_world.h"

using namespace kintsugi;
using namespace kintsugi::k8s;
using namespace std::chrono_literals;
using net::Priority;

namespace {

/// Takes tokens until one has to be waited for.
int burst_of(RateLimiter& limiter, const Clock& clock) {
  for (int taken = 0;; ++taken) {
    if (!limiter.acquire(Priority::kNormal, clock.monotonic(), {})) return taken;
  }
}

}  // namespace

TEST_CASE("a burst is free, then tokens come at the rate") {
  const LeapingClock clock;
  RateLimiter limiter({.queries_per_second = 50, .burst = 100}, clock);
  CHECK(burst_of(limiter, clock) == 100);
  const MonotonicTime before = clock.monotonic();
  for (int i = 0; i < 50; ++i) REQUIRE(limiter.acquire(Priority::kNormal, before + 10s, {}));
  CHECK(clock.monotonic() - before >= 990ms);
  CHECK(clock.monotonic() - before <= 1100ms);
  clock.advance(1h);
  CHECK(burst_of(limiter, clock) == 100);
}

TEST_CASE("containment never waits") {
  const LeapingClock clock;
  RateLimiter limiter({.queries_per_second = 1, .burst = 1}, clock);
  limiter.throttled(10s);
  const MonotonicTime before = clock.monotonic();
  for (int i = 0; i < 1000; ++i) REQUIRE(limiter.acquire(Priority::kContainment, before, {}));
  CHECK(clock.monotonic() == before);
}

TEST_CASE("what containment takes, others wait for, up to a burst") {
  const LeapingClock clock;
  RateLimiter limiter({.queries_per_second = 50, .burst = 100}, clock);
  for (int i = 0; i < 1000; ++i) REQUIRE(limiter.acquire(Priority::kContainment, clock.monotonic(), {}));
  const MonotonicTime before = clock.monotonic();
  REQUIRE(limiter.acquire(Priority::kNormal, before + 10s, {}));
  CHECK(clock.monotonic() - before >= 2000ms);
  CHECK(clock.monotonic() - before <= 2100ms);
}

TEST_CASE("waiting ends at the deadline or with a stop") {
  const LeapingClock clock;
  RateLimiter limiter({.queries_per_second = 1, .burst = 1}, clock);
  CHECK(burst_of(limiter, clock) == 1);
  CHECK(limiter.acquire(Priority::kNormal, clock.monotonic() + 500ms, {}).error().code ==
        ErrorCode::kTimeout);
  std::stop_source stop;
  stop.request_stop();
  CHECK(limiter.acquire(Priority::kNormal, clock.monotonic() + 1h, stop.get_token()).error().code ==
        ErrorCode::kCancelled);
}

TEST_CASE("a stop wakes a waiter") {
  const SystemClock clock;
  RateLimiter limiter({.queries_per_second = 0.001, .burst = 1}, clock);
  REQUIRE(limiter.acquire(Priority::kNormal, clock.monotonic(), {}));
  Result<void> result;
  std::stop_source stop;
  std::jthread waiter(
      [&] { result = limiter.acquire(Priority::kNormal, clock.monotonic() + 1h, stop.get_token()); });
  stop.request_stop();
  waiter.join();
  CHECK(result.error().code == ErrorCode::kCancelled);
}

TEST_CASE("background work takes no token that somebody else waits for") {
  ManualClock clock;
  RateLimiter limiter({.queries_per_second = 1, .burst = 1}, clock);
  REQUIRE(limiter.acquire(Priority::kNormal, clock.monotonic(), {}));
  std::mutex mutex;
  std::vector<Priority> order;
  const auto wait_as = [&](Priority priority) {
    return [&, priority] {
      REQUIRE(limiter.acquire(priority, clock.monotonic() + 1h, {}));
      std::lock_guard lock(mutex);
      order.push_back(priority);
    };
  };
  const auto served = [&] {
    std::lock_guard lock(mutex);
    return order.size();
  };
  std::jthread background(wait_as(Priority::kBackground));
  std::jthread normal(wait_as(Priority::kNormal));
  std::this_thread::sleep_for(20ms);  // both wait
  clock.advance(1s);
  while (served() < 1) std::this_thread::yield();
  CHECK(order.front() == Priority::kNormal);
  clock.advance(1s);
  normal.join();
  background.join();
  CHECK(order.back() == Priority::kBackground);
}

TEST_CASE("throttling pauses, halves at most once a second, and is forgotten within 30 s") {
  const LeapingClock clock;
  RateLimiter limiter({.queries_per_second = 50, .burst = 100}, clock);
  limiter.throttled(std::nullopt);
  limiter.throttled(std::nullopt);
  CHECK(limiter.rate() == Approx(25));
  for (int i = 0; i < 20; ++i) {
    clock.advance(1s);
    limiter.throttled(std::nullopt);
  }
  CHECK(limiter.rate() >= 1);
  CHECK(limiter.rate() < 3);
  limiter.throttled(std::chrono::hours(1));
  const MonotonicTime before = clock.monotonic();
  REQUIRE(limiter.acquire(Priority::kNormal, before + 1h, {}));
  CHECK(clock.monotonic() - before == 10s);
  clock.advance(30s);
  REQUIRE(limiter.acquire(Priority::kNormal, clock.monotonic(), {}));
  CHECK(limiter.rate() == Approx(50));
}
