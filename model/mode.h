// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kintsugi {

/// How much may be done without a person. Ordered: a later one permits more.
enum class Mode : std::uint8_t { kOff, kObserve, kContainOnly, kFull };

/// "off", "observe", "contain-only", "full".
std::string_view to_string(Mode mode);
std::optional<Mode> parse_mode(std::string_view word);

}  // namespace kintsugi
