// SPDX-License-Identifier: Apache-2.0
#include "base/concurrently.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <latch>
#include <mutex>
#include <vector>

using namespace kintsugi;

TEST_CASE("every task runs once, and all have ended when the call returns") {
  for (const std::size_t count : {0u, 1u, 2u, 100u}) {
    for (const std::size_t width : {1u, 4u, 200u}) {
      std::vector<std::atomic<int>> runs(count);
      std::vector<std::function<void()>> tasks;
      for (std::atomic<int>& one : runs) tasks.push_back([&one] { ++one; });
      run_concurrently(tasks, width);
      for (const auto& one : runs) CHECK(one == 1);
    }
  }
}

TEST_CASE("as many tasks as allowed run at the same time, and no more") {
  constexpr std::size_t kWidth = 3;
  std::latch together(kWidth);
  std::atomic<int> running = 0, most = 0;
  const auto task = [&] {
    most = std::max(most.load(), ++running);
    together.arrive_and_wait();
    --running;
  };
  run_concurrently(std::vector<std::function<void()>>(kWidth, task), kWidth);
  CHECK(most == int(kWidth));

  std::atomic<bool> has_overlapped = false;
  std::mutex alone;
  const auto exclusive = [&] {
    const std::unique_lock lock(alone, std::try_to_lock);
    if (!lock) has_overlapped = true;
  };
  run_concurrently(std::vector<std::function<void()>>(50, exclusive), 1);
  CHECK_FALSE(has_overlapped);
}

TEST_CASE("what is collected stands in the order of its indices") {
  const auto squares = collect_concurrently(100, 8, [](std::size_t i) { return i * i; });
  REQUIRE(squares.size() == 100);
  for (std::size_t i = 0; i < squares.size(); ++i) CHECK(squares[i] == i * i);
  CHECK(collect_concurrently(0, 8, [](std::size_t i) { return i; }).empty());
}
