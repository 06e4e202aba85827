// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "metrics/closed_family.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
class Registry;
}  // namespace prometheus

namespace kintsugi::metrics {

// Families of a prometheus::Registry with all their metrics.
ClosedFamily<prometheus::Counter> counters(prometheus::Registry& registry, const std::string& name,
                                           const std::string& help, std::vector<Dimension> dimensions);
ClosedFamily<prometheus::Gauge> gauges(prometheus::Registry& registry, const std::string& name,
                                       const std::string& help, std::vector<Dimension> dimensions);
ClosedFamily<prometheus::Histogram> histograms(prometheus::Registry& registry, const std::string& name,
                                               const std::string& help, std::vector<Dimension> dimensions,
                                               const std::vector<double>& bounds);

}  // namespace kintsugi::metrics
