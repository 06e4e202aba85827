// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>

namespace kintsugi {

/// Runs every task once, at most `width` (from 1) of them at a time, and returns when all have ended. The
/// caller's own thread is one of those that work, the others are gone when this returns. Tasks start in their
/// order; they must not throw. For waiting on several answers together.
void run_concurrently(std::span<const std::function<void()>> tasks, std::size_t width);

}  // namespace kintsugi
