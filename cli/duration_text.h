// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kintsugi::cli {

/// "90d", "1h30m", "500ms", "45" (seconds): units ms, s, m, h, d, w, each at most once. Above zero, at most
/// ten years.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// An age as a column shows it: "45s", "12m", "7h", "3d". One that lies ahead, where clocks disagree, is
/// "0s".
std::string format_age(std::chrono::nanoseconds age);

}  // namespace kintsugi::cli
