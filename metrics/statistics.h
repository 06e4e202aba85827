// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

namespace kintsugi::metrics {

/// What is said of some durations. Never the mean alone: with few incidents it says little.
struct Statistics {
  std::size_t n = 0;
  double mean = 0;    ///< seconds, like the others; NaN where n is 0
  double median = 0;  ///< of an even n the mean of the two in the middle
  double p90 = 0;     ///< interpolated between the two nearest
};

/// Of durations in seconds; negative ones count as 0.
Statistics statistics_of(std::vector<double> seconds);

}  // namespace kintsugi::metrics
