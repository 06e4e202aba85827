// SPDX-License-Identifier: Apache-2.0
#include "controller/jobs.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

using kintsugi::controller::Jobs;

namespace {

/// Blocks jobs until it is opened, or they are told to stop.
class Gate {
 public:
  void wait(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    ++inside_;
    changed_.notify_all();
    changed_.wait(lock, stop, [&] { return open_; });
    --inside_;
    changed_.notify_all();
  }
  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void await_inside(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_ >= count; });
  }
  int inside() {
    std::lock_guard lock(mutex_);
    return inside_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool open_ = false;
  int inside_ = 0;
};

}  // namespace

TEST_CASE("nobody is told of a job that ends once they all are to stop") {
  std::atomic<int> told = 0;
  Gate gate;
  std::atomic<bool> has_ended = false;
  Jobs jobs(Jobs::Limits{});
  const auto tell = [&] { ++told; };
  // The first is joined first, and ends last.
  jobs.start(
      "a", "lane", "slow",
      [&](std::stop_token stop) {
        gate.wait(stop);
        for (int i = 0; i < 500 && !(has_ended && told > 0); ++i)
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
      },
      tell);
  gate.await_inside(1);
  jobs.start(
      "b", "lane", "quick",
      [&](std::stop_token stop) {
        gate.wait(stop);
        has_ended = true;
      },
      tell);
  gate.await_inside(2);
  jobs.stop();
  CHECK(has_ended);
  CHECK(told == 0);
  CHECK_FALSE(jobs.start("a", "lane", "late", [](std::stop_token) {}, tell));
}

TEST_CASE("a job of a name runs once at a time, and again after it ended") {
  Gate gate;
  std::atomic<int> done = 0;
  Jobs jobs(Jobs::Limits{});
  const auto work = [&](std::stop_token stop) { gate.wait(stop); };
  CHECK(jobs.start("inc-1", "shop", "collect", work, [&] { ++done; }));
  CHECK_FALSE(jobs.start("inc-1", "shop", "collect", work, [&] { ++done; }));
  CHECK(jobs.start("inc-2", "shop", "collect", work, [&] { ++done; }));
  gate.await_inside(2);
  CHECK(jobs.is_active("inc-1", "collect"));
  gate.open();
  while (done < 2) std::this_thread::yield();
  CHECK_FALSE(jobs.is_active("inc-1", "collect"));
  CHECK(jobs.start("inc-1", "shop", "collect", [](std::stop_token) {}, [&] { ++done; }));
  while (done < 3) std::this_thread::yield();
}

TEST_CASE("a group and a lane are limited, others go on beside them") {
  Gate gate;
  Jobs jobs(Jobs::Limits{16, 2, 3});
  const auto work = [&](std::stop_token stop) { gate.wait(stop); };
  for (const char* name : {"a", "b", "c"}) CHECK(jobs.start("inc-1", "shop", name, work, [] {}));
  gate.await_inside(2);
  for (const char* name : {"a", "b"}) CHECK(jobs.start("inc-2", "shop", name, work, [] {}));
  gate.await_inside(3);
  CHECK(jobs.start("inc-3", "other", "a", work, [] {}));
  gate.await_inside(4);
  CHECK(gate.inside() == 4);
  gate.open();
}

TEST_CASE("jobs that are started at once do not wait for each other, whoever has ended before") {
  Gate gate;
  std::atomic<bool> had_ended = false;
  Jobs jobs(Jobs::Limits{});
  jobs.start("inc-1", "shop", "first", [](std::stop_token) {}, [&] { had_ended = true; });
  while (!had_ended) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // its thread is idle by now
  const auto work = [&](std::stop_token stop) { gate.wait(stop); };
  for (const char* group : {"inc-1", "inc-2", "inc-3"}) CHECK(jobs.start(group, group, "slow", work, [] {}));
  for (int i = 0; i < 500 && gate.inside() < 3; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(gate.inside() == 3);
  gate.open();
}

TEST_CASE("cancelling a group stops what runs and drops what waits") {
  Gate gate;
  std::atomic<int> started = 0;
  std::atomic<int> done = 0;
  Jobs jobs(Jobs::Limits{16, 1, 8});
  const auto work = [&](std::stop_token stop) {
    ++started;
    gate.wait(stop);
  };
  CHECK(jobs.start("inc-1", "shop", "a", work, [&] { ++done; }));
  CHECK(jobs.start("inc-1", "shop", "b", work, [&] { ++done; }));
  gate.await_inside(1);
  jobs.cancel("inc-1");
  while (done < 1) std::this_thread::yield();
  CHECK(started == 1);
  CHECK_FALSE(jobs.is_active("inc-1", "b"));
}

TEST_CASE("ending stops what runs") {
  Gate gate;
  {
    Jobs jobs(Jobs::Limits{});
    jobs.start("inc-1", "shop", "a", [&](std::stop_token stop) { gate.wait(stop); }, [] {});
    gate.await_inside(1);
  }
  CHECK(gate.inside() == 0);
}
