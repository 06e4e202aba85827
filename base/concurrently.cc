// SPDX-License-Identifier: Apache-2.0
#include "base/concurrently.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace kintsugi {

void run_concurrently(std::span<const std::function<void()>> tasks, std::size_t width) {
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < tasks.size(); i = next++) tasks[i]();
  };
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < std::min(width, tasks.size()); ++i) helpers.emplace_back(work);
  work();
}

}  // namespace kintsugi
