// SPDX-License-Identifier: Apache-2.0
#include "metrics/recovery.h"

#include <prometheus/metric_family.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "metrics/labels.h"
#include "metrics/report.h"

namespace kintsugi::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using LabelList = std::vector<ClientMetric::Label>;

constexpr double kContainBounds[] = {0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900};
constexpr double kRecoverBounds[] = {5,    15,   30,   60,    120,   300,   600,    900,
                                     1800, 3600, 7200, 14400, 28800, 86400, 259200, 604800};
constexpr double kPhaseBounds[] = {1, 10, 60, 600, 3600, 86400};

/// Where the time goes. Collecting and redeploying both start at the containment: they may overlap.
struct Phase {
  std::string_view name;
  std::optional<WallTime> IncidentTimes::* from;
  std::optional<WallTime> IncidentTimes::* to;
};
constexpr Phase kPhases[] = {
    {"contain", &IncidentTimes::detected, &IncidentTimes::contained},
    {"collect", &IncidentTimes::contained, &IncidentTimes::evidence_preserved},
    {"redeploy", &IncidentTimes::contained, &IncidentTimes::redeployed},
    {"verify", &IncidentTimes::redeployed, &IncidentTimes::recovered},
    {"probation", &IncidentTimes::recovered, &IncidentTimes::closed},
};

std::vector<double> bounds_with(std::span<const double> bounds, std::span<const double> objectives) {
  std::vector<double> all(bounds.begin(), bounds.end());
  std::copy_if(objectives.begin(), objectives.end(), std::back_inserter(all),
               [](double objective) { return objective > 0 && std::isfinite(objective); });
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

ClientMetric::Label severity_label(Severity severity) {
  return {"severity", std::string(to_string(severity))};
}

double unix_seconds(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

/// One family whose series all exist from the start, addressed by number.
class FamilyBuilder {
 public:
  FamilyBuilder(MetricType type, std::string name, std::string help) {
    family_.type = type;
    family_.name = std::move(name);
    family_.help = std::move(help);
  }

  /// Numbers count from 0 in the order of the calls.
  void add_series(LabelList labels) {
    ClientMetric& series = family_.metric.emplace_back();
    series.label = std::move(labels);
  }
  void add_histogram(LabelList labels, const std::vector<double>& bounds) {
    add_series(std::move(labels));
    for (const double bound : bounds) family_.metric.back().histogram.bucket.push_back({0, bound});
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    family_.metric.back().histogram.bucket.push_back({0, kInfinity});
  }

  void count(std::size_t series) { family_.metric[series].counter.value += 1; }
  double& gauge(std::size_t series) { return family_.metric[series].gauge.value; }
  void observe(std::size_t series, double value) {
    ClientMetric::Histogram& histogram = family_.metric[series].histogram;
    for (ClientMetric::Bucket& bucket : histogram.bucket) {
      if (value <= bucket.upper_bound) ++bucket.cumulative_count;
    }
    ++histogram.sample_count;
    histogram.sample_sum += value;
  }

  MetricFamily take() { return std::move(family_); }

 private:
  MetricFamily family_;
};

FamilyBuilder per_severity(MetricType type, std::string name, std::string help) {
  FamilyBuilder family(type, std::move(name), std::move(help));
  for (const Severity severity : kSeverities) family.add_series({severity_label(severity)});
  return family;
}

FamilyBuilder clock_family(std::string name, std::string help, const std::vector<double>& bounds) {
  FamilyBuilder family(MetricType::Histogram, std::move(name), std::move(help));
  for (const Severity severity : kSeverities) family.add_histogram({severity_label(severity)}, bounds);
  return family;
}

/// Series of every severity with each of `words` under `label`; number: severity * words + word.
template <class Words>
FamilyBuilder per_severity_and(const char* label, const Words& words, MetricType type, std::string name,
                               std::string help) {
  FamilyBuilder family(type, std::move(name), std::move(help));
  for (const Severity severity : kSeverities) {
    for (const auto& word : words) family.add_series({severity_label(severity), {label, std::string(word)}});
  }
  return family;
}

template <class Values>
std::vector<std::string_view> words_of(const Values& values) {
  std::vector<std::string_view> words;
  for (const auto value : values) words.push_back(to_string(value));
  return words;
}

template <class Values, class Value>
std::size_t index_of(const Values& values, const Value& value) {
  return std::size_t(std::find(std::begin(values), std::end(values), value) - std::begin(values));
}

/// Counts of incidents, and what is open now.
class IncidentCounts {
 public:
  void add(const IncidentRecord& record) {
    const std::string_view source = known_or_other(kSourceValues, record.source);
    detected_.count(std::size_t(record.first_severity) * kSourceValues.size() +
                    index_of(kSourceValues, source));
    if (record.outcome != Outcome::kNone) {
      closed_.count(std::size_t(record.severity) * kOutcomes.size() + index_of(kOutcomes, record.outcome));
    }
    if (record.is_open()) add_open(record);
  }

  void take_into(std::vector<MetricFamily>& families) {
    for (FamilyBuilder* family :
         {&detected_, &closed_, &open_, &oldest_, &oldest_uncontained_, &approvals_}) {
      families.push_back(family->take());
    }
  }

 private:
  void add_open(const IncidentRecord& record) {
    const auto severity = std::size_t(record.severity);
    open_.gauge(severity * kStages.size() + index_of(kStages, *record.stage)) += 1;
    if (record.stage == Stage::kAwaitingApproval) approvals_.gauge(0) += 1;
    if (!record.times.detected) return;
    const double detected = unix_seconds(*record.times.detected);
    note_oldest(oldest_.gauge(severity), detected);
    if (record.is_uncontained) note_oldest(oldest_uncontained_.gauge(severity), detected);
  }

  static void note_oldest(double& oldest, double time) {
    if (oldest == 0 || time < oldest) oldest = time;
  }

  FamilyBuilder detected_ =
      per_severity_and("source", kSourceValues, MetricType::Counter, "kintsugi_incidents_total",
                       "Incidents detected, by the severity of their first signal.");
  FamilyBuilder closed_ = per_severity_and("outcome", words_of(kOutcomes), MetricType::Counter,
                                           "kintsugi_incidents_closed_total", "Incidents that have ended.");
  FamilyBuilder open_ =
      per_severity_and("state", words_of(kStages), MetricType::Gauge, "kintsugi_open_incidents",
                       "Incidents that have not ended, by stage.");
  FamilyBuilder oldest_ =
      per_severity(MetricType::Gauge, "kintsugi_oldest_open_incident_timestamp_seconds",
                   "When the oldest incident that has not ended was detected, Unix time; 0: there is none.");
  FamilyBuilder oldest_uncontained_ =
      per_severity(MetricType::Gauge, "kintsugi_oldest_uncontained_incident_timestamp_seconds",
                   "When the oldest open incident whose target is not isolated yet was detected, Unix time; "
                   "0: there is none.");
  FamilyBuilder approvals_ = [] {
    FamilyBuilder family(MetricType::Gauge, "kintsugi_approvals_pending",
                         "Incidents that wait for a person's decision.");
    family.add_series({});
    return family;
  }();
};

/// The histograms of the clocks and phases. What is negative is observed as 0 and counted: a sum that falls
/// would look like a restarted counter.
class ClockHistograms {
 public:
  explicit ClockHistograms(const Objectives& objectives)
      : detect_(clock_family("kintsugi_incident_time_to_detect_seconds",
                             "From the start of the compromise, where it is known, to the signal's own time.",
                             recover_buckets(objectives.recover))),
        acknowledge_(clock_family("kintsugi_incident_time_to_acknowledge_seconds",
                                  "From detected to accepted, by a person or by an automatic playbook.",
                                  recover_buckets(objectives.recover))),
        contain_(clock_family(
            "kintsugi_incident_time_to_contain_seconds",
            "From detected to isolation confirmed, the first time; by the severity of the first signal.",
            contain_buckets(objectives.contain))),
        recover_(clock_family("kintsugi_incident_time_to_recover_seconds",
                              "From detected to the replacement running a verified image, ready and serving; "
                              "observed once the incident "
                              "is closed as recovered.",
                              recover_buckets(objectives.recover))),
        phase_(MetricType::Histogram, "kintsugi_incident_phase_duration_seconds",
               "How long the phases of incidents that have ended took."),
        clamps_(
            MetricType::Counter, "kintsugi_clock_skew_clamps_total",
            "Where clocks disagree: times of signals that were not plausible and were replaced by that of "
            "their receipt, and durations that came out negative and were taken as 0.") {
    for (const Phase& phase : kPhases) {
      phase_.add_histogram({{"phase", std::string(phase.name)}},
                           {std::begin(kPhaseBounds), std::end(kPhaseBounds)});
    }
    clamps_.add_series({});
  }

  void add(const IncidentRecord& record) {
    const RecoveryClocks clocks = clocks_of(record);
    const auto first_severity = std::size_t(record.first_severity);
    if (record.time_was_clamped) clamps_.count(0);
    observe(detect_, first_severity, clocks.detect);
    observe(acknowledge_, first_severity, clocks.acknowledge);
    observe(contain_, first_severity, clocks.contain);
    observe(recover_, std::size_t(record.severity), clocks.recover);
    // An open incident may fall back, and what was observed cannot be taken back.
    if (record.outcome == Outcome::kNone) return;
    for (std::size_t i = 0; i < std::size(kPhases); ++i) {
      observe(phase_, i, seconds_between(record.times.*kPhases[i].from, record.times.*kPhases[i].to));
    }
  }

  void take_into(std::vector<MetricFamily>& families) {
    for (FamilyBuilder* family : {&detect_, &acknowledge_, &contain_, &recover_, &phase_, &clamps_}) {
      families.push_back(family->take());
    }
  }

 private:
  void observe(FamilyBuilder& family, std::size_t series, std::optional<double> seconds) {
    if (!seconds) return;
    if (*seconds < 0) clamps_.count(0);
    family.observe(series, std::max(*seconds, 0.0));
  }

  FamilyBuilder detect_, acknowledge_, contain_, recover_, phase_, clamps_;
};

MetricFamily objective_family(std::string name, std::string help, std::span<const double> objectives) {
  FamilyBuilder family = per_severity(MetricType::Gauge, std::move(name), std::move(help));
  for (const Severity severity : kSeverities) {
    family.gauge(std::size_t(severity)) = objectives[std::size_t(severity)];
  }
  return family.take();
}

void add_window_families(std::span<const IncidentRecord> records, WallTime now,
                         std::vector<MetricFamily>& families) {
  std::vector<std::string_view> names;
  for (const Window& window : kWindows) names.emplace_back(window.name);
  const auto family = [&](std::string name, std::string help) {
    return per_severity_and("window", names, MetricType::Gauge, std::move(name), std::move(help));
  };
  FamilyBuilder mean =
      family("kintsugi_mean_time_to_recover_seconds",
             "Mean time to recover of the incidents closed as recovered in the window; NaN: none was.");
  FamilyBuilder median =
      family("kintsugi_median_time_to_recover_seconds",
             "Median time to recover of the incidents closed as recovered in the window; NaN: none was.");
  FamilyBuilder count = family("kintsugi_incidents_in_window",
                               "Incidents closed as recovered in the window: the n of its mean and median.");
  for (std::size_t i = 0; i < std::size(kWindows); ++i) {
    const Report report = make_report(records, now - kWindows[i].length, now, ReportGrouping::kSeverity);
    for (const Severity severity : kSeverities) {
      const Statistics& recover = find_row(report, to_string(severity))->recover;
      const std::size_t series = std::size_t(severity) * std::size(kWindows) + i;
      mean.gauge(series) = recover.mean;
      median.gauge(series) = recover.median;
      count.gauge(series) = double(recover.n);
    }
  }
  for (FamilyBuilder* one : {&mean, &median, &count}) families.push_back(one->take());
}

}  // namespace

std::vector<double> contain_buckets(std::span<const double> objectives) {
  return bounds_with(kContainBounds, objectives);
}

std::vector<double> recover_buckets(std::span<const double> objectives) {
  return bounds_with(kRecoverBounds, objectives);
}

std::vector<MetricFamily> recovery_families(std::span<const IncidentRecord> records,
                                            const Objectives& objectives, WallTime now) {
  IncidentCounts counts;
  ClockHistograms clocks(objectives);
  for (const IncidentRecord& record : records) {
    counts.add(record);
    clocks.add(record);
  }
  std::vector<MetricFamily> families;
  counts.take_into(families);
  clocks.take_into(families);
  families.push_back(objective_family("kintsugi_containment_objective_seconds",
                                      "How long containing may take.", objectives.contain));
  families.push_back(objective_family("kintsugi_recovery_objective_seconds", "How long recovering may take.",
                                      objectives.recover));
  add_window_families(records, now, families);
  return families;
}

}  // namespace kintsugi::metrics
