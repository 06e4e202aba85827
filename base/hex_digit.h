// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

namespace kintsugi {

/// 0 to 15 for a digit in either case.
constexpr std::optional<std::uint32_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return std::uint32_t(c - '0');
  if (c >= 'a' && c <= 'f') return std::uint32_t(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return std::uint32_t(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace kintsugi
