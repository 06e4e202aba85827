// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "model/incident.h"

namespace kintsugi::metrics {

/// One incident as its recovery is measured, whether it exists still or only the ledger remembers it.
struct IncidentRecord {
  std::string uid;
  std::string source;
  Severity severity = Severity::kInfo;  ///< may rise while the incident is open; final once it has an outcome
  /// Of the first signal; never changes. What is counted before the end is counted under it: a count that
  /// moved from one label to another would look like a restarted counter, and Prometheus would add it up
  /// twice.
  Severity first_severity = Severity::kInfo;
  Outcome outcome = Outcome::kNone;
  std::optional<Stage> stage;  ///< none: only the ledger has it
  IncidentTimes times;
  bool time_was_clamped = false;  ///< of the first signal: its own time was not plausible
  bool is_uncontained = false;    ///< it is open, and its victim is to be isolated and is not now

  bool is_open() const { return stage.has_value() && outcome == Outcome::kNone; }
};

/// Seconds by Severity.
struct Objectives {
  std::array<double, kSeverities.size()> contain;
  std::array<double, kSeverities.size()> recover;
};

/// Every incident once, by its uid: what exists, then what was folded into the ledger and exists no more.
std::vector<IncidentRecord> merge_records(std::vector<IncidentRecord> existing,
                                          std::vector<IncidentRecord> folded);

/// The clocks of one incident in seconds, each once it has stopped. They start when the incident was
/// detected, and time to detect ends there. Negative where clocks disagree: whoever observes them clamps.
struct RecoveryClocks {
  std::optional<double> detect;
  std::optional<double> acknowledge;
  std::optional<double> contain;
  /// Only once the incident is closed as recovered, so that an observation is never taken back.
  std::optional<double> recover;
};
RecoveryClocks clocks_of(const IncidentRecord& record);

/// Nothing unless both stamps are there.
std::optional<double> seconds_between(const std::optional<WallTime>& from, const std::optional<WallTime>& to);

}  // namespace kintsugi::metrics
