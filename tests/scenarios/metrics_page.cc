// SPDX-License-Identifier: Apache-2.0
#include "metrics_page.h"

#include <catch2/catch.hpp>
#include <sstream>

namespace kintsugi::scenarios {
namespace {

bool is_count(const std::string& series) {
  const std::string name = series.substr(0, series.find('{'));
  return name.ends_with("_total") || name.ends_with("_count") || name.ends_with("_bucket");
}

}  // namespace

MetricsPage::MetricsPage(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t space = line.rfind(' ');
    if (line.empty() || line.front() == '#' || space == std::string::npos) continue;
    values_[line.substr(0, space)] = std::stod(line.substr(space + 1));
  }
}

double MetricsPage::at(const std::string& series) const {
  const auto found = values_.find(series);
  if (found == values_.end()) FAIL("/metrics has no " << series);
  return found->second;
}

double MetricsPage::sum(const std::string& prefix) const {
  double sum = 0;
  for (auto found = values_.lower_bound(prefix); found != values_.end() && found->first.starts_with(prefix);
       ++found)
    sum += found->second;
  return sum;
}

std::map<std::string, double> MetricsPage::fallen_since(const MetricsPage& before) const {
  std::map<std::string, double> fallen;
  for (const auto& [series, value] : before.values_) {
    const auto now = values_.find(series);
    const double left = now == values_.end() ? -1 : now->second;
    if (is_count(series) && left < value) fallen[series] = left;
  }
  return fallen;
}

}  // namespace kintsugi::scenarios
