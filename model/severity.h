// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace kintsugi {

/// Ordered: a later one is worse.
enum class Severity : std::uint8_t { kInfo, kWarning, kError, kCritical };

inline constexpr std::array kSeverities{Severity::kInfo, Severity::kWarning, Severity::kError,
                                        Severity::kCritical};

/// "info", "warning", "error", "critical".
std::string_view to_string(Severity severity);
std::optional<Severity> parse_severity(std::string_view word);

}  // namespace kintsugi
