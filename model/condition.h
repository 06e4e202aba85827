// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace kintsugi {

enum class ConditionStatus : std::uint8_t { kFalse, kTrue, kUnknown };

namespace condition {
inline constexpr std::string_view kContained = "Contained";
inline constexpr std::string_view kEvidencePreserved = "EvidencePreserved";
inline constexpr std::string_view kRedeployed = "Redeployed";
inline constexpr std::string_view kRecovered = "Recovered";
inline constexpr std::string_view kClosed = "Closed";
inline constexpr std::string_view kHeld = "Held";
inline constexpr std::string_view kFailed = "Failed";
}  // namespace condition

/// A metav1.Condition.
struct Condition {
  std::string type;
  ConditionStatus status = ConditionStatus::kUnknown;
  std::string reason;   ///< CamelCase, never empty
  std::string message;  ///< for people, escaped, at most 1 KiB
  WallTime last_transition_time;
  std::int64_t observed_generation = 0;
  bool operator==(const Condition&) const = default;
};

}  // namespace kintsugi
