// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

namespace kintsugi::cli {

/// An age as a column shows it: "45s", "12m", "7h", "3d". One that lies ahead, where clocks disagree, is
/// "0s".
std::string format_age(std::chrono::nanoseconds age);

}  // namespace kintsugi::cli
