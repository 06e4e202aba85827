// SPDX-License-Identifier: Apache-2.0
#include "metrics/record.h"

#include <chrono>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace kintsugi::metrics {

std::vector<IncidentRecord> merge_records(std::vector<IncidentRecord> existing,
                                          std::vector<IncidentRecord> folded) {
  std::vector<IncidentRecord> all = std::move(existing);
  all.insert(all.end(), std::make_move_iterator(folded.begin()), std::make_move_iterator(folded.end()));
  std::set<std::string> seen;
  std::erase_if(all, [&](const IncidentRecord& record) { return !seen.insert(record.uid).second; });
  return all;
}

std::optional<double> seconds_between(const std::optional<WallTime>& from,
                                      const std::optional<WallTime>& to) {
  if (!from || !to) return std::nullopt;
  return std::chrono::duration<double>(*to - *from).count();
}

RecoveryClocks clocks_of(const IncidentRecord& record) {
  const IncidentTimes& times = record.times;
  RecoveryClocks clocks;
  clocks.detect = seconds_between(times.compromise_start, times.detected);
  clocks.acknowledge = seconds_between(times.detected, times.acknowledged);
  clocks.contain = seconds_between(times.detected, times.contained);
  if (record.outcome == Outcome::kRecovered && times.closed) {
    clocks.recover = seconds_between(times.detected, times.recovered);
  }
  return clocks;
}

}  // namespace kintsugi::metrics
