// SPDX-License-Identifier: Apache-2.0
//
// The recovery metrics. They are computed from all records at each scrape and not from events in this
// process, so that a restart or a failover neither loses nor invents an incident. Only the leader exposes
// them, and only once it has read the ledger and all incidents.
#pragma once

#include <chrono>
#include <span>
#include <vector>

#include "base/clock.h"
#include "metrics/record.h"

namespace prometheus {
struct MetricFamily;
}

namespace kintsugi::metrics {

/// The windows of the gauges for mean and median, which PromQL cannot compute over more than its retention.
struct Window {
  const char* name;
  std::chrono::hours length;
};
inline constexpr Window kWindows[] = {{"7d", std::chrono::hours(7 * 24)},
                                      {"30d", std::chrono::hours(30 * 24)},
                                      {"90d", std::chrono::hours(90 * 24)}};

/// Upper bounds in seconds: those that fit the clock, and each of `objectives` that is above 0, because a
/// query for a bound that is not there finds nothing.
std::vector<double> contain_buckets(std::span<const double> objectives);
std::vector<double> recover_buckets(std::span<const double> objectives);

/// Every family with every known label set, pure. `records` have distinct uids (merge_records). 10,000 of
/// them take less than 10 ms.
std::vector<prometheus::MetricFamily> recovery_families(std::span<const IncidentRecord> records,
                                                        const Objectives& objectives, WallTime now);

}  // namespace kintsugi::metrics
