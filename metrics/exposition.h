// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/record.h"
#include "metrics/registry.h"
#include "metrics/totals.h"

namespace prometheus {
struct MetricFamily;
}

namespace kintsugi::metrics {

inline constexpr std::string_view kExpositionContentType = "text/plain; version=0.0.4; charset=utf-8";

/// The families in Prometheus' text format 0.0.4, ordered by name and labels. A bucket +Inf is added where it
/// is missing.
std::string expose(std::vector<prometheus::MetricFamily> families);

/// All incidents as they are measured.
struct RecoveryHistory {
  std::vector<IncidentRecord> records;  ///< with distinct uids
  RecoveryTotals totals;                ///< of those that are not among the records
};

/// What GET /metrics answers: the process, and the recovery metrics where there is a `history`. That is given
/// by the leader alone, and not before it has read all incidents and the ledger: two replicas would count
/// each incident twice, and a scrape of 0 that N follows would look like N new incidents.
std::string expose(const Registry& registry, const std::optional<RecoveryHistory>& history,
                   const Objectives& objectives, WallTime now);

}  // namespace kintsugi::metrics
