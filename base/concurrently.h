// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace kintsugi {

/// Runs every task once, at most `width` (from 1) of them at a time, and returns when all have ended. The
/// caller's own thread is one of those that work, the others are gone when this returns. Tasks start in their
/// order; they must not throw. For waiting on several answers together.
void run_concurrently(std::span<const std::function<void()>> tasks, std::size_t width);

/// What `make` gives for each index below `count`, made by run_concurrently(), in the order of the indices.
template <class Make>
auto collect_concurrently(std::size_t count, std::size_t width, const Make& make) {
  using Value = std::invoke_result_t<const Make&, std::size_t>;
  std::vector<std::optional<Value>> made(count);
  std::vector<std::function<void()>> tasks;
  for (std::size_t i = 0; i < count; ++i) tasks.emplace_back([&, i] { made[i].emplace(make(i)); });
  run_concurrently(tasks, width);
  std::vector<Value> values;
  values.reserve(count);
  for (std::optional<Value>& one : made) values.push_back(*std::move(one));
  return values;
}

}  // namespace kintsugi
