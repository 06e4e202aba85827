// SPDX-License-Identifier: Apache-2.0
//
// /metrics as a scenario reads it.
#pragma once

#include <map>
#include <string>

namespace kintsugi::scenarios {

/// One scrape. A value type.
class MetricsPage {
 public:
  explicit MetricsPage(const std::string& text);

  /// The value of a series as the page writes it:
  /// `kintsugi_incidents_total{severity="warning",source="falco"}`. One that is not there ends the test.
  double at(const std::string& series) const;
  /// All series that start with `prefix`, added up.
  double sum(const std::string& prefix) const;
  /// The series that count (…_total, …_count, …_bucket) and are less here than they were: none, ever.
  std::map<std::string, double> fallen_since(const MetricsPage& before) const;

 private:
  std::map<std::string, double> values_;
};

}  // namespace kintsugi::scenarios
