// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string_view>

#include "base/result.h"

namespace kintsugi {

/// "90d", "1h30m", "500ms", "45" (seconds): units ms, s, m, h, d, w, each at most once. Above zero, at most
/// ten years.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace kintsugi
