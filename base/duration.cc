// SPDX-License-Identifier: Apache-2.0
#include "base/duration.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "base/escape.h"

namespace kintsugi {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::pair<std::string_view, milliseconds>, 6> kUnits{{
    {"ms", milliseconds(1)},
    {"s", std::chrono::seconds(1)},
    {"m", std::chrono::minutes(1)},
    {"h", std::chrono::hours(1)},
    {"d", std::chrono::days(1)},
    {"w", std::chrono::weeks(1)},
}};
constexpr milliseconds kMost = std::chrono::days(3653);

std::string_view take_while(std::string_view& rest, bool digits) {
  std::size_t length = 0;
  while (length < rest.size() && (rest[length] >= '0' && rest[length] <= '9') == digits) ++length;
  const std::string_view taken = rest.substr(0, length);
  rest.remove_prefix(length);
  return taken;
}

}  // namespace

Result<milliseconds> parse_duration(std::string_view text) {
  const auto wrong = [&] {
    return fail(make_error(ErrorCode::kInvalidInput, "not a duration: '" + escape(text, 40) + "'")
                    .advise("write it like 90d, 1h30m or 5s"));
  };
  std::string_view rest = text;
  milliseconds sum{0};
  milliseconds last = kMost;
  while (!rest.empty()) {
    const std::string_view digits = take_while(rest, true);
    std::string_view unit = take_while(rest, false);
    if (unit.empty() && digits.size() == text.size()) unit = "s";
    const auto known =
        std::find_if(kUnits.begin(), kUnits.end(), [&](const auto& one) { return one.first == unit; });
    if (digits.empty() || digits.size() > 9 || known == kUnits.end() || known->second >= last) return wrong();
    sum += std::stol(std::string(digits)) * known->second;
    last = known->second;
  }
  if (sum <= milliseconds(0) || sum > kMost) return wrong();
  return sum;
}

}  // namespace kintsugi
