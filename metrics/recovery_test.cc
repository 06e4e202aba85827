// SPDX-License-Identifier: Apache-2.0
#include "metrics/recovery.h"

#include <prometheus/metric_family.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "metrics/sample_records.h"

using namespace kintsugi;
using namespace kintsugi::metrics;
using namespace std::chrono_literals;
using prometheus::ClientMetric;
using prometheus::MetricFamily;

namespace {

using LabelMap = std::map<std::string, std::string>;

/// The families of some records, to be asked for single series.
class Families {
 public:
  explicit Families(const std::vector<IncidentRecord>& records,
                    const Objectives& objectives = kSampleObjectives, WallTime now = kSampleNow)
      : families_(recovery_families(records, objectives, now)) {}

  const ClientMetric& series(const std::string& name, const LabelMap& labels = {}) const {
    for (const MetricFamily& family : families_) {
      if (family.name != name) continue;
      for (const ClientMetric& metric : family.metric) {
        LabelMap own;
        for (const auto& label : metric.label) own[label.name] = label.value;
        if (own == labels) return metric;
      }
    }
    FAIL("no such series of " << name);
    throw;
  }
  double gauge(const std::string& name, const LabelMap& labels = {}) const {
    return series(name, labels).gauge.value;
  }
  double counter(const std::string& name, const LabelMap& labels = {}) const {
    return series(name, labels).counter.value;
  }
  const std::vector<MetricFamily>& all() const { return families_; }

 private:
  std::vector<MetricFamily> families_;
};

const std::string kRecover = "kintsugi_incident_time_to_recover_seconds";
const std::string kContain = "kintsugi_incident_time_to_contain_seconds";
const std::string kClamps = "kintsugi_clock_skew_clamps_total";

const ClientMetric::Histogram& histogram(const Families& families, const std::string& name,
                                         const std::string& severity) {
  return families.series(name, {{"severity", severity}}).histogram;
}

}  // namespace

TEST_CASE("every known label set is there at 0 before the first incident") {
  const Families families({});
  for (const Severity severity : kSeverities) {
    const std::string word(to_string(severity));
    for (const Stage stage : kStages) {
      CHECK(families.gauge("kintsugi_open_incidents",
                           {{"severity", word}, {"state", std::string(to_string(stage))}}) == 0);
    }
    for (const Outcome outcome : kOutcomes) {
      CHECK(families.counter("kintsugi_incidents_closed_total",
                             {{"severity", word}, {"outcome", std::string(to_string(outcome))}}) == 0);
    }
    for (const char* source : {"falco", "person", "other"}) {
      CHECK(families.counter("kintsugi_incidents_total", {{"severity", word}, {"source", source}}) == 0);
    }
    CHECK(histogram(families, kRecover, word).sample_count == 0);
    CHECK(histogram(families, kContain, word).sample_count == 0);
    CHECK(families.gauge("kintsugi_oldest_open_incident_timestamp_seconds", {{"severity", word}}) == 0);
    for (const Window& window : kWindows) {
      const LabelMap labels{{"severity", word}, {"window", window.name}};
      CHECK(families.gauge("kintsugi_incidents_in_window", labels) == 0);
      CHECK(std::isnan(families.gauge("kintsugi_mean_time_to_recover_seconds", labels)));
    }
  }
  CHECK(families.counter(kClamps) == 0);
}

TEST_CASE("a recovered incident is in each clock and phase once") {
  const Families families({recovered_record("a", Severity::kError, 1h, 1.5, 90, 150)});
  struct Expected {
    const char* clock;
    double seconds;
  };
  for (const auto& [clock, seconds] :
       {Expected{"detect", 20}, {"acknowledge", 0.2}, {"contain", 1.5}, {"recover", 90}}) {
    INFO(clock);
    const auto& observed =
        histogram(families, std::string("kintsugi_incident_time_to_") + clock + "_seconds", "error");
    CHECK(observed.sample_count == 1);
    CHECK(observed.sample_sum == Approx(seconds));
    CHECK(observed.bucket.back().cumulative_count == 1);
    CHECK(std::isinf(observed.bucket.back().upper_bound));
    for (const auto& bucket : observed.bucket)
      CHECK((bucket.cumulative_count == 1) == (bucket.upper_bound >= seconds));
  }
  for (const auto& [phase, seconds] :
       {Expected{"contain", 1.5}, {"collect", 3}, {"redeploy", 5}, {"verify", 83.5}, {"probation", 60}}) {
    INFO(phase);
    const auto& observed =
        families.series("kintsugi_incident_phase_duration_seconds", {{"phase", phase}}).histogram;
    CHECK(observed.sample_count == 1);
    CHECK(observed.sample_sum == Approx(seconds));
  }
  CHECK(families.counter("kintsugi_incidents_total", {{"severity", "error"}, {"source", "falco"}}) == 1);
  CHECK(families.counter("kintsugi_incidents_closed_total",
                         {{"severity", "error"}, {"outcome", "recovered"}}) == 1);
  CHECK(families.gauge("kintsugi_open_incidents", {{"severity", "error"}, {"state", "Closed"}}) == 0);
}

TEST_CASE("time to recover is observed only once the incident is closed as recovered") {
  IncidentRecord record = recovered_record("a", Severity::kError, 1h);
  SECTION("recovered, but in its probation") {
    record.outcome = Outcome::kNone;
    record.stage = Stage::kRecovered;
    record.times.closed.reset();
  }
  SECTION("released") {
    record.outcome = Outcome::kReleased;
  }
  SECTION("observed") {
    record.outcome = Outcome::kObserved;
  }
  SECTION("failed") {
    record.outcome = Outcome::kFailed;
  }
  const Families families({record});
  CHECK(histogram(families, kRecover, "error").sample_count == 0);
  CHECK(histogram(families, kContain, "error").sample_count == 1);
  // While it is open its service may fall back, and what was observed cannot be taken back.
  const bool is_open = record.outcome == Outcome::kNone;
  CHECK(families.series("kintsugi_incident_phase_duration_seconds", {{"phase", "verify"}})
            .histogram.sample_count == (is_open ? 0 : 1));
  CHECK(families.gauge("kintsugi_incidents_in_window", {{"severity", "error"}, {"window", "90d"}}) == 0);
}

TEST_CASE("stamps that are missing are no durations") {
  const Families families(
      {open_record("a", Severity::kWarning, Stage::kContaining, 1min),
       IncidentRecord{"hand-written", "x", {}, {}, Outcome::kRecovered, std::nullopt, {}}});
  CHECK(histogram(families, kContain, "warning").sample_count == 0);
  CHECK(histogram(families, kRecover, "info").sample_count == 0);
  CHECK(families.counter("kintsugi_incidents_total", {{"severity", "info"}, {"source", "other"}}) == 1);
}

TEST_CASE("what is open is counted by stage, with the oldest") {
  // Waiting for a person with a leak, and waiting for one with the victim isolated.
  IncidentRecord leaking = open_record("b", Severity::kCritical, Stage::kAwaitingApproval, 9min);
  leaking.is_uncontained = true;
  const Families families({open_record("a", Severity::kCritical, Stage::kContaining, 5min), leaking,
                           open_record("c", Severity::kCritical, Stage::kAwaitingApproval, 30min),
                           recovered_record("d", Severity::kCritical, 24h)});
  CHECK(families.gauge("kintsugi_open_incidents", {{"severity", "critical"}, {"state", "Containing"}}) == 1);
  CHECK(families.gauge("kintsugi_open_incidents",
                       {{"severity", "critical"}, {"state", "AwaitingApproval"}}) == 2);
  CHECK(families.gauge("kintsugi_approvals_pending") == 2);
  const double now = std::chrono::duration<double>(kSampleNow.time_since_epoch()).count();
  const LabelMap critical{{"severity", "critical"}};
  CHECK(families.gauge("kintsugi_oldest_open_incident_timestamp_seconds", critical) == now - 1800);
  CHECK(families.gauge("kintsugi_oldest_uncontained_incident_timestamp_seconds", critical) == now - 540);
}

TEST_CASE("nothing that was counted moves when the severity rises") {
  IncidentRecord record = open_record("a", Severity::kWarning, Stage::kCollecting, 5min);
  record.times.contained = kSampleNow - 4min;
  const Families before({record});
  record.severity = Severity::kCritical;
  const Families after({record});
  for (const Families* families : {&before, &after}) {
    CHECK(families->counter("kintsugi_incidents_total", {{"severity", "warning"}, {"source", "falco"}}) == 1);
    CHECK(histogram(*families, kContain, "warning").sample_count == 1);
  }
  CHECK(after.gauge("kintsugi_open_incidents", {{"severity", "critical"}, {"state", "Collecting"}}) == 1);
}

TEST_CASE("negative durations are observed as 0 and counted") {
  IncidentRecord record = recovered_record("a", Severity::kError, 1h);
  record.times.detected = *record.times.contained + 10s;
  const Families families({record});
  CHECK(histogram(families, kContain, "error").sample_count == 1);
  CHECK(histogram(families, kContain, "error").sample_sum == 0);
  CHECK(histogram(families, kContain, "error").bucket.front().cumulative_count == 1);
  CHECK(families.counter(kClamps) == 3);  // acknowledge, contain, and the phase of containment
}

TEST_CASE("a signal whose time was not plausible is counted") {
  IncidentRecord record = recovered_record("a", Severity::kError, 1h);
  record.time_was_clamped = true;
  CHECK(Families({record}).counter(kClamps) == 1);
}

TEST_CASE("each configured objective is a bound of its clock") {
  const std::vector<double> objectives{45, 7, 100'000, 0.01};
  for (const auto& bounds : {contain_buckets(objectives), recover_buckets(objectives)}) {
    CHECK(std::is_sorted(bounds.begin(), bounds.end()));
    CHECK(std::adjacent_find(bounds.begin(), bounds.end()) == bounds.end());
    for (const double objective : objectives) CHECK(std::count(bounds.begin(), bounds.end(), objective) == 1);
  }
  CHECK(contain_buckets({}).size() == 12);
  CHECK(recover_buckets({}).size() == 16);
  CHECK(recover_buckets(std::vector<double>{3600, 0, -1, NAN, INFINITY}).size() == 16);

  const Families families({}, {{45, 7, 3, 0.01}, {1234, 600, 5, 60}});
  const auto has_bound = [&](const std::string& name, double bound) {
    const auto& buckets = histogram(families, name, "critical").bucket;
    return std::any_of(buckets.begin(), buckets.end(),
                       [&](const auto& bucket) { return bucket.upper_bound == bound; });
  };
  CHECK(has_bound(kContain, 7));
  CHECK(has_bound(kContain, 0.01));
  CHECK(has_bound(kRecover, 1234));
  CHECK(families.gauge("kintsugi_recovery_objective_seconds", {{"severity", "info"}}) == 1234);
  CHECK(families.gauge("kintsugi_containment_objective_seconds", {{"severity", "critical"}}) == 0.01);
}

TEST_CASE("the first exposition after a restart has all incidents, and no family grows with them") {
  const std::vector<IncidentRecord> records = many_records(500);
  const Families families(records);
  std::uint64_t recovered = 0;
  for (const Severity severity : kSeverities) {
    recovered += histogram(families, kRecover, std::string(to_string(severity))).sample_count;
  }
  CHECK(recovered == 500);
  for (const MetricFamily& family : families.all()) {
    std::size_t lines = 0;
    for (const ClientMetric& metric : family.metric) {
      const bool is_histogram = family.type == prometheus::MetricType::Histogram;
      lines += is_histogram ? metric.histogram.bucket.size() + 2 : 1;
    }
    INFO(family.name);
    CHECK(lines <= 100);
  }
}

TEST_CASE("folding an incident into the ledger changes no count") {
  const IncidentRecord existing = recovered_record("a", Severity::kError, 1h);
  IncidentRecord folded = existing;
  folded.stage.reset();
  for (const auto& records : {merge_records({existing}, {}), merge_records({existing}, {folded, folded}),
                              merge_records({}, {folded, folded})}) {
    CHECK(records.size() == 1);
    CHECK(histogram(Families(records), kRecover, "error").sample_count == 1);
  }
  CHECK(merge_records({existing}, {folded}).front().stage == Stage::kClosed);
}

TEST_CASE("ten thousand incidents are computed between two scrapes", "[.benchmark]") {
  const std::vector<IncidentRecord> records = many_records(10'000);
  const auto start = std::chrono::steady_clock::now();
  const Families families(records);
  const auto took = std::chrono::steady_clock::now() - start;
  const double milliseconds = std::chrono::duration<double, std::milli>(took).count();
  WARN("10,000 records: " << milliseconds << " ms");
  CHECK(took < 50ms);
}
