// SPDX-License-Identifier: Apache-2.0
#include "metrics/report.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "metrics/labels.h"

namespace kintsugi::metrics {
namespace {

/// `words` are in the order of the enumeration's values.
template <class Enumeration, std::size_t size>
std::optional<Enumeration> parse_word(const std::array<std::string_view, size>& words,
                                      std::string_view word) {
  for (std::size_t i = 0; i < size; ++i) {
    if (words[i] == word) return Enumeration(i);
  }
  return std::nullopt;
}

std::string_view band_of(const Statistics& recover) {
  constexpr double kHour = 3600, kDay = 24 * kHour, kWeek = 7 * kDay;
  if (recover.n == 0) return "-";
  if (recover.median < kHour) return "elite";
  if (recover.median < kDay) return "high";
  return recover.median < kWeek ? "medium" : "low";
}

ReportRow make_row(std::string group, std::span<const IncidentRecord> records, WallTime since, WallTime until,
                   const std::function<bool(const IncidentRecord&)>& belongs) {
  ReportRow row;
  row.group = std::move(group);
  const auto in_period = [&](const std::optional<WallTime>& time) {
    return time && *time > since && *time <= until;
  };
  std::vector<double> contain, recover;
  for (const IncidentRecord& record : records) {
    if (!belongs(record)) continue;
    const RecoveryClocks clocks = clocks_of(record);
    if (in_period(record.times.detected)) ++row.detected;
    if (clocks.contain && in_period(record.times.contained)) contain.push_back(*clocks.contain);
    if (clocks.recover && in_period(record.times.closed)) recover.push_back(*clocks.recover);
  }
  row.contain = statistics_of(std::move(contain));
  row.recover = statistics_of(std::move(recover));
  row.band = band_of(row.recover);
  return row;
}

}  // namespace

std::optional<ReportGrouping> parse_report_grouping(std::string_view word) {
  return parse_word<ReportGrouping>(std::array<std::string_view, 3>{"none", "severity", "source"}, word);
}

std::optional<ReportFormat> parse_report_format(std::string_view word) {
  return parse_word<ReportFormat>(std::array<std::string_view, 4>{"table", "json", "csv", "markdown"}, word);
}

Report make_report(std::span<const IncidentRecord> records, WallTime since, WallTime until,
                   ReportGrouping by) {
  Report report{since, until, {}};
  const auto add = [&](std::string_view group, const std::function<bool(const IncidentRecord&)>& belongs) {
    report.rows.push_back(make_row(std::string(group), records, since, until, belongs));
  };
  if (by == ReportGrouping::kSeverity) {
    for (auto severity = kSeverities.rbegin(); severity != kSeverities.rend(); ++severity) {
      add(to_string(*severity), [&](const IncidentRecord& record) { return record.severity == *severity; });
    }
  }
  if (by == ReportGrouping::kSource) {
    for (const std::string_view source : kSourceValues) {
      add(source, [&](const IncidentRecord& record) {
        return known_or_other(kSourceValues, record.source) == source;
      });
    }
  }
  add("all", [](const IncidentRecord&) { return true; });
  return report;
}

const ReportRow* find_row(const Report& report, std::string_view group) {
  const auto row = std::find_if(report.rows.begin(), report.rows.end(),
                                [&](const ReportRow& candidate) { return candidate.group == group; });
  return row == report.rows.end() ? nullptr : &*row;
}

}  // namespace kintsugi::metrics
