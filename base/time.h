// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace kintsugi {

/// Parses RFC 3339 §5.6: "2026-11-21T09:58:00.123456789Z", with "Z" or a numeric offset, zero to nine
/// fraction digits (more are truncated), a leap second read as :59. Years 1970 to 2261, which is what
/// nanoseconds hold.
Result<WallTime> parse_rfc3339(std::string_view text);

/// "2026-11-21T09:58:00Z": the form of Kubernetes' metav1.Time.
std::string format_seconds(WallTime time);
/// "2026-11-21T09:58:00.123456Z": the form of Kubernetes' metav1.MicroTime and of `status.times`.
std::string format_micros(WallTime time);

/// "850ms", "12.4s", "3m05s", "2h10m": for people.
std::string format_duration(std::chrono::nanoseconds duration);

}  // namespace kintsugi
