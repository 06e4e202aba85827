// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/work_queue.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

#include "k8s-client/runtime/worker.h"

using namespace kintsugi;
using namespace kintsugi::k8s;
using namespace std::chrono_literals;

namespace {

using Words = std::vector<std::string>;

/// Takes everything that is ready and finishes it.
Words take_all(WorkQueue& queue) {
  Words keys;
  while (queue.metrics().depth > 0) {
    keys.push_back(queue.get()->key);
    queue.done(keys.back());
  }
  return keys;
}

/// Time passes until something is ready; how long it took, in steps of `step`.
std::chrono::nanoseconds time_until_ready(WorkQueue& queue, ManualClock& clock,
                                          std::chrono::nanoseconds step) {
  const MonotonicTime start = clock.monotonic();
  std::jthread mover([&](std::stop_token stop) {
    while (!stop.stop_requested()) {
      clock.advance(step);
      std::this_thread::sleep_for(3ms);
    }
  });
  const auto item = queue.get();
  const auto took = clock.monotonic() - start;
  queue.done(item->key);
  return took;
}

}  // namespace

TEST_CASE("a key waits once, in the order of first additions (K5.1)") {
  ManualClock clock;
  WorkQueue queue(clock);
  for (const char* key : {"a", "b", "a", "c", "b"}) queue.add(key);
  CHECK(queue.metrics().depth == 3);
  CHECK(queue.metrics().adds == 5);
  CHECK(take_all(queue) == Words{"a", "b", "c"});
}

TEST_CASE(
    "a key that is added while it is worked on is worked on again, by one worker at a time (K5.1, K13.10)") {
  ManualClock clock;
  WorkQueue queue(clock);
  queue.add("a");
  CHECK(queue.get()->key == "a");
  queue.add("a");
  queue.add("a");
  CHECK(queue.metrics().depth == 0);
  CHECK(queue.metrics().working == 1);
  queue.done("a");
  CHECK(queue.metrics().depth == 1);
  CHECK(take_all(queue) == Words{"a"});
  CHECK(queue.metrics().depth == 0);
}

TEST_CASE("containment goes before the rest, and a waiting key moves up (K5.5)") {
  ManualClock clock;
  WorkQueue queue(clock);
  queue.add("sweep", WorkPriority::kHousekeeping);
  queue.add("normal");
  queue.add("late", WorkPriority::kHousekeeping);
  queue.add("isolate", WorkPriority::kContainment);
  queue.add("late", WorkPriority::kContainment);
  queue.add("isolate", WorkPriority::kHousekeeping);
  CHECK(queue.get()->priority == WorkPriority::kContainment);
  queue.done("isolate");
  CHECK(take_all(queue) == Words{"late", "normal", "sweep"});
}

TEST_CASE("a key added with several priorities while worked on comes back with the highest") {
  ManualClock clock;
  WorkQueue queue(clock);
  queue.add("a", WorkPriority::kHousekeeping);
  queue.get();
  queue.add("a", WorkPriority::kContainment);
  queue.add("a", WorkPriority::kHousekeeping);
  queue.done("a");
  CHECK(queue.get()->priority == WorkPriority::kContainment);
}

TEST_CASE("of several delays the earliest counts, with the highest priority (K5.2)") {
  ManualClock clock;
  WorkQueue queue(clock);
  queue.add_after("a", 30s, WorkPriority::kContainment);
  queue.add_after("a", 10s, WorkPriority::kHousekeeping);
  queue.add_after("a", 20s);
  queue.add_after("b", 15s);
  CHECK(queue.metrics().delayed == 2);
  clock.advance(10s);
  const auto item = queue.get();
  CHECK(item->key == "a");
  CHECK(item->priority == WorkPriority::kContainment);
  queue.done("a");
  clock.advance(1h);
  CHECK(queue.get()->key == "b");
  CHECK(queue.metrics().delayed == 0);
}

TEST_CASE("a delay of nothing is no delay") {
  ManualClock clock;
  WorkQueue queue(clock);
  queue.add_after("a", 0s);
  queue.add_after("b", -1s);
  CHECK(take_all(queue) == Words{"a", "b"});
}

TEST_CASE("a getter that waits is woken when a time comes or an earlier one is added") {
  ManualClock clock;
  WorkQueue queue(clock);
  queue.add_after("a", 10s);
  CHECK(time_until_ready(queue, clock, 1s) >= 10s);
}

TEST_CASE("a key's retries wait longer each time, until it is forgotten (K5.3)") {
  ManualClock clock;
  WorkQueue queue(clock);
  for (int i = 0; i < 20; ++i) {
    queue.retry("a", WorkPriority::kContainment);
    const auto expected = std::min<std::chrono::nanoseconds>(5ms * (1 << i), 30s);
    clock.advance(expected - 1ns);
    std::jthread nudge([&] {
      std::this_thread::sleep_for(1ms);
      clock.advance(1ns);
    });
    const MonotonicTime before = clock.monotonic();
    CHECK(queue.get()->key == "a");
    CHECK(clock.monotonic() == before + (clock.monotonic() > before ? 1ns : 0ns));
    queue.done("a");
  }
  CHECK(queue.retries_of("a") == 20);
  CHECK(queue.metrics().retries == 20);
  queue.forget("a");
  CHECK(queue.retries_of("a") == 0);
  queue.retry("a");
  clock.advance(5ms);
  CHECK(queue.get()->key == "a");
}

TEST_CASE("all keys' retries together are limited, but for containment (K5.3)") {
  ManualClock clock;
  WorkQueue queue(clock, {.retries_per_second = 10, .retry_burst = 5});
  for (int i = 0; i < 15; ++i) queue.retry("k" + std::to_string(i));
  queue.retry("urgent", WorkPriority::kContainment);
  const auto ready_after = [&](std::chrono::nanoseconds time) {
    clock.advance(time);
    std::size_t count = 0;
    for (queue.add("probe", WorkPriority::kHousekeeping);;) {
      const auto item = queue.get();
      queue.done(item->key);
      if (item->key == "probe") return count;
      ++count;
    }
  };
  CHECK(ready_after(5ms) == 6);
  CHECK(ready_after(500ms) == 5);
  CHECK(ready_after(500ms) == 5);
}

TEST_CASE("shutting down drops what waits, refuses more, wakes getters and lets work finish (K5.6)") {
  ManualClock clock;
  WorkQueue queue(clock);
  queue.add("working");
  queue.get();
  std::jthread waiting([&] { CHECK_FALSE(queue.get()); });
  queue.add_after("later", 1s);
  queue.shut_down();
  waiting.join();
  queue.add("more");
  queue.add_after("more", 1s);
  queue.retry("more");
  queue.add("working");
  CHECK_FALSE(queue.get());
  CHECK_FALSE(queue.drain(clock.monotonic()));
  std::jthread finishing([&] { queue.done("working"); });
  CHECK(queue.drain(MonotonicTime::max()));
  CHECK(queue.metrics().depth == 0);
}

TEST_CASE("durations are measured by the clock") {
  struct Durations final : WorkQueueObserver {
    void on_taken(std::chrono::nanoseconds took) override { queued = took; }
    void on_done(std::chrono::nanoseconds took) override { worked = took; }
    std::chrono::nanoseconds queued{0};
    std::chrono::nanoseconds worked{0};
  } durations;
  ManualClock clock;
  WorkQueue queue(clock, {}, &durations);
  queue.add("a");
  clock.advance(3s);
  queue.get();
  clock.advance(4s);
  CHECK(queue.metrics().longest_running == 4s);
  CHECK(queue.metrics().unfinished == 4s);
  queue.done("a");
  CHECK(durations.queued == 3s);
  CHECK(durations.worked == 4s);
}

TEST_CASE("containment finds a worker though others wait for something (K5.5)") {
  const SystemClock clock;
  WorkQueue queue(clock, {.most_other_work = 2});
  for (const char* key : {"a", "b", "c"}) queue.add(key);
  CHECK(queue.get()->key == "a");
  CHECK(queue.get()->key == "b");
  std::promise<std::string> taken;
  std::jthread worker([&] {
    taken.set_value(queue.get()->key);
    queue.done("urgent");
    queue.get();
  });
  queue.add("urgent", WorkPriority::kContainment);
  CHECK(taken.get_future().get() == "urgent");
  CHECK(queue.metrics().depth == 1);
  queue.done("a");
  worker.join();
  CHECK(queue.metrics().depth == 0);
}

TEST_CASE("many workers and many producers lose no key and never share one") {
  const SystemClock clock;
  WorkQueue queue(clock);
  constexpr int kKeys = 50;
  std::vector<std::atomic<int>> wanted(kKeys);
  std::vector<std::atomic<int>> seen(kKeys);
  std::vector<std::atomic<int>> busy(kKeys);
  std::atomic<bool> shared = false;
  std::vector<std::jthread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      while (const auto item = queue.get()) {
        const auto key = std::size_t(std::stoi(item->key));
        if (busy[key]++ != 0) shared = true;
        seen[key] = wanted[key].load();
        --busy[key];
        queue.done(item->key);
      }
    });
  }
  {
    std::vector<std::jthread> producers;
    for (int i = 0; i < 4; ++i) {
      producers.emplace_back([&, i] {
        for (int n = 0; n < 5000; ++n) {
          const auto key = std::size_t((n * 7 + i) % kKeys);
          ++wanted[key];
          if (n % 3 == 0) {
            queue.add_after(std::to_string(key), 10us);
          } else {
            queue.add(std::to_string(key));
          }
        }
      });
    }
  }
  const auto settled = [&] {
    const auto m = queue.metrics();
    return m.depth + m.delayed + m.working == 0;
  };
  while (!settled()) std::this_thread::sleep_for(1ms);
  queue.shut_down();
  workers.clear();
  CHECK_FALSE(shared);
  for (std::size_t key = 0; key < kKeys; ++key) CHECK(seen[key] == wanted[key]);
}

TEST_CASE("what a reconcile returns decides when its key comes back (K5.4, K5.6)") {
  struct Case {
    std::string what;
    Reconcile reconcile;
    std::size_t delayed;
    unsigned retries;
  };
  Error terminal = make_error(ErrorCode::kInvalidInput, "wrong");
  const auto c = GENERATE_COPY(
      Case{"nothing", [](auto&, auto) -> ReconcileResult { return std::nullopt; }, 0, 0},
      Case{"a duration", [](auto&, auto) -> ReconcileResult { return std::chrono::nanoseconds(1min); }, 1, 0},
      Case{"a retryable error",
           [](auto&, auto) -> ReconcileResult { return fail(ErrorCode::kUnavailable, "x"); }, 1, 2},
      Case{"a terminal error", [=](auto&, auto) -> ReconcileResult { return fail(terminal); }, 0, 0},
      Case{"an exception", [](auto&, auto) -> ReconcileResult { throw std::runtime_error("bug"); }, 1, 2},
      Case{"a strange exception", [](auto&, auto) -> ReconcileResult { throw 7; }, 1, 2});
  INFO(c.what);
  ManualClock clock;
  Logger log(clock, LogLevel::kError, [](std::string_view) {});
  WorkQueue queue(clock);
  queue.retry("a");
  clock.advance(1s);
  WorkQueueMetrics after;
  unsigned retries = 0;
  queue.add("b");  // the second key looks at what became of the first, and ends the worker
  run_worker(
      queue,
      [&](const std::string& key, MonotonicTime deadline) -> ReconcileResult {
        CHECK(deadline == clock.monotonic() + 30s);
        if (key == "a") return c.reconcile(key, deadline);
        if (queue.metrics().working + queue.metrics().depth == 1 && queue.retries_of("a") != 1) {
          after = queue.metrics();
          retries = queue.retries_of("a");
          queue.shut_down();
        } else {
          queue.add("b", WorkPriority::kHousekeeping);
        }
        return std::nullopt;
      },
      30s, clock, log);
  CHECK(after.delayed == c.delayed);
  CHECK(retries == c.retries);
}
