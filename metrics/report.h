// SPDX-License-Identifier: Apache-2.0
//
// The recovery times of a period as people read them. The windowed gauges of metrics/recovery.h are made from
// such reports, so that the two agree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "metrics/record.h"
#include "metrics/statistics.h"

namespace kintsugi::metrics {

enum class ReportGrouping : std::uint8_t { kNone, kSeverity, kSource };
/// "none", "severity", "source".
std::optional<ReportGrouping> parse_report_grouping(std::string_view word);

enum class ReportFormat : std::uint8_t { kTable, kJson, kCsv, kMarkdown };
/// "table", "json", "csv", "markdown".
std::optional<ReportFormat> parse_report_format(std::string_view word);

/// One line of a report. Each number counts what happened in the period, so an incident that began before it
/// may be in `recover` and not in `detected`.
struct ReportRow {
  std::string group;         ///< "all", or a severity or source
  std::size_t detected = 0;  ///< incidents that began
  Statistics contain;        ///< of incidents that were first contained
  Statistics recover;        ///< of incidents that were closed as recovered
  /// DORA-style, of the median time to recover: "elite" below an hour, "high" below a day, "medium" below a
  /// week, otherwise "low"; "-" where nothing was recovered.
  std::string_view band;
};

/// Incidents after `since` and not after `until`.
struct Report {
  WallTime since;
  WallTime until;
  std::vector<ReportRow>
      rows;  ///< by group, every known severity or source also when nothing happened; then "all"
};

/// Pure. `records` have distinct uids. Rows by severity use the final severity, as the metrics of recovery
/// do.
Report make_report(std::span<const IncidentRecord> records, WallTime since, WallTime until,
                   ReportGrouping by);

/// The row of a group, or nullptr.
const ReportRow* find_row(const Report& report, std::string_view group);

/// With a line end at the end. The table and Markdown have durations for people, JSON and CSV have seconds.
std::string to_text(const Report& report, ReportFormat format);

}  // namespace kintsugi::metrics
