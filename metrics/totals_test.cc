// SPDX-License-Identifier: Apache-2.0
#include "metrics/totals.h"

#include <prometheus/metric_family.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "metrics/recovery.h"
#include "metrics/sample_records.h"

using namespace kintsugi;
using namespace kintsugi::metrics;
using prometheus::MetricFamily;
using prometheus::MetricType;

namespace {

/// Every number of the counters and histograms.
std::map<std::string, double> numbers(const std::vector<MetricFamily>& families) {
  std::map<std::string, double> all;
  for (const MetricFamily& family : families) {
    for (const auto& metric : family.metric) {
      std::string key = family.name;
      for (const auto& label : metric.label) key += " " + label.name + "=" + label.value;
      if (family.type == MetricType::Counter) all[key] = metric.counter.value;
      if (family.type != MetricType::Histogram) continue;
      all[key + " count"] = double(metric.histogram.sample_count);
      all[key + " sum"] = metric.histogram.sample_sum;
      for (const auto& bucket : metric.histogram.bucket)
        all[key + " le " + std::to_string(bucket.upper_bound)] = double(bucket.cumulative_count);
    }
  }
  return all;
}

std::map<std::string, double> exposed(std::span<const IncidentRecord> records, const RecoveryTotals& totals,
                                      const Objectives& objectives = kSampleObjectives) {
  auto families = recovery_families(records, objectives, kSampleNow);
  totals.add_to(families);
  return numbers(families);
}

RecoveryTotals totals_of(std::span<const IncidentRecord> records) {
  RecoveryTotals totals;
  totals.add(records, kSampleObjectives);
  return totals;
}

void check_same(const std::map<std::string, double>& one, const std::map<std::string, double>& other) {
  REQUIRE(one.size() == other.size());
  for (const auto& [key, value] : one) {
    INFO(key);
    CHECK(other.at(key) == Approx(value));
  }
}

}  // namespace

TEST_CASE("records show the same whether they are known one by one or in totals, in any parts") {
  const auto records = many_records(200);
  const std::span all(records);
  const auto wanted = exposed(all, {});
  const std::size_t parts = GENERATE(0u, 1u, 77u, 200u);
  check_same(exposed(all.subspan(parts), totals_of(all.first(parts))), wanted);
  RecoveryTotals totals = totals_of(all.first(parts));
  totals.add(totals_of(all.subspan(parts)));
  check_same(exposed({}, totals), wanted);
}

TEST_CASE("totals survive the way to text and back, in few bytes") {
  const RecoveryTotals totals = totals_of(many_records(1000));
  const std::string text = totals.to_text();
  CHECK(text.size() < 10'000);
  const auto read = RecoveryTotals::parse(text);
  REQUIRE(read);
  CHECK(read->to_text() == text);
  CHECK(RecoveryTotals::parse("")->to_text() == RecoveryTotals().to_text());
}

TEST_CASE("a bound that comes later counts what is known to be below it, and goes on from there") {
  const std::vector<IncidentRecord> records{
      recovered_record("a", Severity::kError, std::chrono::hours(1), 7),
      recovered_record("b", Severity::kError, std::chrono::hours(1), 3)};
  RecoveryTotals totals = totals_of(records);
  Objectives objectives = kSampleObjectives;
  objectives.contain[std::size_t(Severity::kError)] = 8;
  const std::string bucket = "kintsugi_incident_time_to_contain_seconds severity=error le ";
  CHECK(exposed({}, totals, objectives).at(bucket + std::to_string(8.0)) == 1);
  CHECK(exposed({}, totals, objectives).at(bucket + std::to_string(10.0)) == 2);
  totals.add(records, objectives);
  CHECK(exposed({}, totals, objectives).at(bucket + std::to_string(8.0)) == 3);
  CHECK(exposed({}, totals, objectives).at(bucket + std::to_string(10.0)) == 4);
}

TEST_CASE("totals that somebody edited are an error, never a guess") {
  const std::string bad = GENERATE(
      "[]", "{}", "null", "{", R"({"counters": {}})", R"({"counters": [], "histograms": {}})",
      R"({"counters": {"a": 1}, "histograms": {}})", R"({"counters": {"a": {"b": -1}}, "histograms": {}})",
      R"({"counters": {"a": {"b": "1"}}, "histograms": {}})",
      R"({"counters": {}, "histograms": {"a": {"b": 1}}})",
      R"({"counters": {}, "histograms": {"a": {"b": {"count": 1, "sum": 1}}}})",
      R"({"counters": {}, "histograms": {"a": {"b": {"count": -1, "sum": 1, "buckets": []}}}})",
      R"({"counters": {}, "histograms": {"a": {"b": {"count": 1, "sum": 1, "buckets": [[1]]}}}})",
      R"({"counters": {}, "histograms": {"a": {"b": {"count": 1, "sum": 1, "buckets": [["1", 1]]}}}})");
  INFO(bad);
  CHECK_FALSE(RecoveryTotals::parse(bad));
}
