// SPDX-License-Identifier: Apache-2.0
#include "metrics/builders.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace kintsugi::metrics {

ClosedFamily<prometheus::Counter> counters(prometheus::Registry& registry, const std::string& name,
                                           const std::string& help, std::vector<Dimension> dimensions) {
  return {prometheus::BuildCounter().Name(name).Help(help).Register(registry), std::move(dimensions)};
}

ClosedFamily<prometheus::Gauge> gauges(prometheus::Registry& registry, const std::string& name,
                                       const std::string& help, std::vector<Dimension> dimensions) {
  return {prometheus::BuildGauge().Name(name).Help(help).Register(registry), std::move(dimensions)};
}

ClosedFamily<prometheus::Histogram> histograms(prometheus::Registry& registry, const std::string& name,
                                               const std::string& help, std::vector<Dimension> dimensions,
                                               const std::vector<double>& bounds) {
  return {prometheus::BuildHistogram().Name(name).Help(help).Register(registry), std::move(dimensions),
          bounds};
}

}  // namespace kintsugi::metrics
