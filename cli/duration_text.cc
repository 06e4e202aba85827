// SPDX-License-Identifier: Apache-2.0
#include "cli/duration_text.h"

#include <algorithm>
#include <cstdint>

namespace kintsugi::cli {

std::string format_age(std::chrono::nanoseconds age) {
  const auto seconds =
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(age).count());
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 7200) return std::to_string(seconds / 60) + "m";
  if (seconds < 48L * 3600) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

}  // namespace kintsugi::cli
