// SPDX-License-Identifier: Apache-2.0
#include "metrics/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace kintsugi::metrics {
namespace {

/// `sorted` is not empty.
double quantile(const std::vector<double>& sorted, double q) {
  const double rank = q * double(sorted.size() - 1);
  const auto below = std::size_t(rank);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], rank - double(below));
}

}  // namespace

Statistics statistics_of(std::vector<double> seconds) {
  constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
  if (seconds.empty()) return {0, kNothing, kNothing, kNothing};
  for (double& duration : seconds) duration = std::max(duration, 0.0);
  std::sort(seconds.begin(), seconds.end());
  const double sum = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  return {seconds.size(), sum / double(seconds.size()), quantile(seconds, 0.5), quantile(seconds, 0.9)};
}

}  // namespace kintsugi::metrics
