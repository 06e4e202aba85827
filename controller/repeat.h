// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <thread>

#include "base/clock.h"

namespace kintsugi::controller {

/// Does `work` in a thread of its own, first one `pause` after now, until the thread is asked to stop. The
/// clock, and what the work uses, must outlive the thread.
std::jthread repeat(const Clock& clock, std::chrono::seconds pause,
                    std::function<void(const std::stop_token&)> work);

}  // namespace kintsugi::controller
