// SPDX-License-Identifier: Apache-2.0
//
// Incidents made up for tests.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "metrics/record.h"

namespace kintsugi::metrics {

inline constexpr WallTime kSampleNow{std::chrono::seconds(1'767'225'600)};  // 2026-01-01T00:00:00Z
inline constexpr Objectives kSampleObjectives{{60, 60, 30, 5}, {14400, 3600, 1800, 600}};

/// Detected `age` before kSampleNow, contained, recovered and closed after so many seconds each.
inline IncidentRecord recovered_record(const std::string& uid, Severity severity, std::chrono::seconds age,
                                       double contain = 1.5, double recover = 90, double close = 150) {
  const auto after = [start = kSampleNow - age](double seconds) {
    return start +
           std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
  };
  IncidentRecord record{uid, "falco", severity, severity, Outcome::kRecovered, Stage::kClosed, {}};
  record.times.compromise_start = after(-20);
  record.times.detected = after(0);
  record.times.acknowledged = after(0.2);
  record.times.contained = after(contain);
  record.times.evidence_preserved = after(contain + 3);
  record.times.redeployed = after(contain + 5);
  record.times.recovered = after(recover);
  record.times.closed = after(close);
  return record;
}

/// Detected `age` before kSampleNow and nothing more.
inline IncidentRecord open_record(const std::string& uid, Severity severity, Stage stage,
                                  std::chrono::seconds age) {
  IncidentRecord record{uid, "falco", severity, severity, Outcome::kNone, stage, {}};
  record.times.detected = kSampleNow - age;
  record.is_uncontained = stage == Stage::kDetected || stage == Stage::kContaining;
  return record;
}

/// `count` recovered incidents of all severities over the last 60 days.
inline std::vector<IncidentRecord> many_records(std::size_t count) {
  std::vector<IncidentRecord> records;
  for (std::size_t i = 0; i < count; ++i) {
    const auto age = std::chrono::seconds(3600 + i * 60 * 86400 / count);
    records.push_back(recovered_record("uid-" + std::to_string(i), kSeverities[i % kSeverities.size()], age,
                                       0.04 * double(i % 50), 30 + double(i * 37 % 5000), 6000));
  }
  return records;
}

}  // namespace kintsugi::metrics
