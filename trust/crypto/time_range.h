// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/clock.h"

namespace kintsugi::trust {

/// A closed interval, open-ended where a bound is missing.
struct TimeRange {
  std::optional<WallTime> start, end;

  bool contains(WallTime time) const { return (!start || *start <= time) && (!end || time <= *end); }
};

}  // namespace kintsugi::trust
