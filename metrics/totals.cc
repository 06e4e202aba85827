// SPDX-License-Identifier: Apache-2.0
#include "metrics/totals.h"

#include <prometheus/metric_family.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/document.h"
#include "base/json_text.h"
#include "metrics/recovery.h"

namespace kintsugi::metrics {
namespace {

using nlohmann::json;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::size_t kMaxBytes = 256u << 10;

/// The values of labels are closed lists of plain words.
std::string labels_text(const std::vector<ClientMetric::Label>& labels) {
  std::string text;
  for (const auto& label : labels) text += (text.empty() ? "" : ",") + label.name + "=" + label.value;
  return text;
}

bool is_count(const json& value) {
  return value.is_number_integer() && value.get<std::int64_t>() >= 0;
}

bool is_sum(const json& value) {
  return value.is_number() && std::isfinite(value.get<double>()) && value.get<double>() >= 0;
}

Error malformed(const std::string& what) {
  return make_error(ErrorCode::kInvalidInput, "totals of the ledger: " + what);
}

}  // namespace

std::uint64_t RecoveryTotals::Histogram::at_most(double bound) const {
  if (std::isinf(bound)) return count;
  const auto above = buckets.upper_bound(bound);
  return above == buckets.begin() ? 0 : std::prev(above)->second;
}

void RecoveryTotals::Histogram::add(const Histogram& other) {
  std::map<double, std::uint64_t> both;
  for (const Histogram* one : {static_cast<const Histogram*>(this), &other}) {
    for (const auto& [bound, unused] : one->buckets) both[bound] = at_most(bound) + other.at_most(bound);
  }
  buckets = std::move(both);
  count += other.count;
  sum += other.sum;
}

void RecoveryTotals::add(std::span<const IncidentRecord> records, const Objectives& objectives) {
  RecoveryTotals more;
  for (const MetricFamily& family : recovery_families(records, objectives, WallTime())) {
    for (const ClientMetric& metric : family.metric) {
      const std::string labels = labels_text(metric.label);
      if (family.type == MetricType::Counter && metric.counter.value > 0) {
        more.counters_[family.name][labels] = metric.counter.value;
      }
      if (family.type != MetricType::Histogram || metric.histogram.sample_count == 0) continue;
      Histogram& histogram = more.histograms_[family.name][labels];
      histogram.count = metric.histogram.sample_count;
      histogram.sum = metric.histogram.sample_sum;
      for (const ClientMetric::Bucket& bucket : metric.histogram.bucket) {
        if (std::isfinite(bucket.upper_bound))
          histogram.buckets[bucket.upper_bound] = bucket.cumulative_count;
      }
    }
  }
  add(more);
}

void RecoveryTotals::add(const RecoveryTotals& other) {
  for (const auto& [family, series] : other.counters_) {
    for (const auto& [labels, value] : series) counters_[family][labels] += value;
  }
  for (const auto& [family, series] : other.histograms_) {
    for (const auto& [labels, histogram] : series) histograms_[family][labels].add(histogram);
  }
}

void RecoveryTotals::add_to(std::vector<MetricFamily>& families) const {
  for (MetricFamily& family : families) {
    const auto counters = counters_.find(family.name);
    const auto histograms = histograms_.find(family.name);
    for (ClientMetric& metric : family.metric) {
      const std::string labels = labels_text(metric.label);
      if (counters != counters_.end()) {
        if (const auto found = counters->second.find(labels); found != counters->second.end())
          metric.counter.value += found->second;
      }
      if (histograms == histograms_.end()) continue;
      const auto found = histograms->second.find(labels);
      if (found == histograms->second.end()) continue;
      metric.histogram.sample_count += found->second.count;
      metric.histogram.sample_sum += found->second.sum;
      for (ClientMetric::Bucket& bucket : metric.histogram.bucket)
        bucket.cumulative_count += found->second.at_most(bucket.upper_bound);
    }
  }
}

std::string RecoveryTotals::to_text() const {
  json out = {{"counters", json::object()}, {"histograms", json::object()}};
  for (const auto& [family, series] : counters_) out["counters"][family] = series;
  for (const auto& [family, series] : histograms_) {
    for (const auto& [labels, histogram] : series) {
      json buckets = json::array();
      for (const auto& [bound, count] : histogram.buckets) buckets.push_back({bound, count});
      out["histograms"][family][labels] = {
          {"count", histogram.count}, {"sum", histogram.sum}, {"buckets", std::move(buckets)}};
    }
  }
  return json_text(out);
}

Result<RecoveryTotals> RecoveryTotals::parse(std::string_view text) {
  RecoveryTotals totals;
  if (text.empty()) return totals;
  if (text.size() > kMaxBytes) return fail(malformed("too long"));
  const json root = parse_json(text, {.max_bytes = kMaxBytes, .max_nodes = kMaxBytes}).value_or(nullptr);
  if (!root.is_object() || !root.contains("counters") || !root.contains("histograms"))
    return fail(malformed("no JSON object with counters and histograms"));
  const auto each_series = [](const json& families, const auto& read) {
    if (!families.is_object()) return false;
    for (const auto& [family, series] : families.items()) {
      if (!series.is_object()) return false;
      for (const auto& [labels, value] : series.items()) {
        if (!read(family, labels, value)) return false;
      }
    }
    return true;
  };
  const bool counters_good =
      each_series(root["counters"], [&](const auto& family, const auto& labels, const json& value) {
        if (!is_sum(value)) return false;
        totals.counters_[family][labels] = value.template get<double>();
        return true;
      });
  const bool histograms_good =
      each_series(root["histograms"], [&](const auto& family, const auto& labels, const json& value) {
        if (!value.is_object() || !is_count(value.value("count", json())) ||
            !is_sum(value.value("sum", json())) || !value.value("buckets", json()).is_array()) {
          return false;
        }
        Histogram& histogram = totals.histograms_[family][labels];
        histogram.count = value["count"].template get<std::uint64_t>();
        histogram.sum = value["sum"].template get<double>();
        for (const json& bucket : value["buckets"]) {
          if (!bucket.is_array() || bucket.size() != 2 || !is_sum(bucket[0]) || !is_count(bucket[1]))
            return false;
          histogram.buckets[bucket[0].get<double>()] = bucket[1].get<std::uint64_t>();
        }
        return true;
      });
  if (!counters_good) return fail(malformed("a counter that is none"));
  if (!histograms_good) return fail(malformed("a histogram that is none"));
  return totals;
}

}  // namespace kintsugi::metrics
