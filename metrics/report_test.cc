// SPDX-License-Identifier: Apache-2.0
#include "metrics/report.h"

#include <prometheus/metric_family.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "metrics/recovery.h"
#include "metrics/sample_records.h"

using namespace kintsugi;
using namespace kintsugi::metrics;
using namespace std::chrono_literals;

TEST_CASE("statistics say n, mean, median and p90") {
  struct Case {
    std::vector<double> seconds;
    double mean, median, p90;
  };
  for (const Case& one : {Case{{7}, 7, 7, 7},
                          {{3, 1, 2}, 2, 2, 2.8},
                          {{4, 1, 2, 3}, 2.5, 2.5, 3.7},
                          {{1, 1, 1, 1, 96}, 20, 1, 58},
                          {{-5, 5}, 2.5, 2.5, 4.5}}) {
    const Statistics statistics = statistics_of(one.seconds);
    CHECK(statistics.n == one.seconds.size());
    CHECK(statistics.mean == Approx(one.mean));
    CHECK(statistics.median == Approx(one.median));
    CHECK(statistics.p90 == Approx(one.p90));
  }
  CHECK(statistics_of({}).n == 0);
  CHECK(std::isnan(statistics_of({}).mean));
}

TEST_CASE("mean, median and n of the windows are those of the report") {
  const std::vector<IncidentRecord> records = many_records(500);
  const auto families = recovery_families(records, kSampleObjectives, kSampleNow);
  const auto gauge = [&](const std::string& name, std::string_view severity, const std::string& window) {
    for (const auto& family : families) {
      if (family.name != name) continue;
      for (const auto& metric : family.metric) {
        if (metric.label[0].value == severity && metric.label[1].value == window) return metric.gauge.value;
      }
    }
    return -1.0;
  };
  for (const Window& window : kWindows) {
    const Report report =
        make_report(records, kSampleNow - window.length, kSampleNow, ReportGrouping::kSeverity);
    for (const Severity severity : kSeverities) {
      const ReportRow* row = find_row(report, to_string(severity));
      REQUIRE(row != nullptr);
      CHECK(row->recover.n > 10);
      CHECK(gauge("kintsugi_incidents_in_window", row->group, window.name) == double(row->recover.n));
      CHECK(gauge("kintsugi_mean_time_to_recover_seconds", row->group, window.name) == row->recover.mean);
      CHECK(gauge("kintsugi_median_time_to_recover_seconds", row->group, window.name) == row->recover.median);
    }
  }
}

TEST_CASE("a report counts what happened in its period") {
  const std::vector<IncidentRecord> records{
      recovered_record("before", Severity::kError, 50h),
      // Detected before, closed within.
      recovered_record("across", Severity::kError, 24h + 60s, 10, 100, 200),
      recovered_record("within", Severity::kCritical, 1h, 20, 300, 400),
      open_record("open", Severity::kCritical, Stage::kContaining, 1min)};
  const Report report = make_report(records, kSampleNow - 24h, kSampleNow, ReportGrouping::kSeverity);
  REQUIRE(report.rows.size() == 5);
  CHECK(report.rows.front().group == "critical");
  CHECK(report.rows.back().group == "all");
  const ReportRow* error = find_row(report, "error");
  CHECK(error->detected == 0);
  CHECK(error->contain.n == 0);
  CHECK(error->recover.n == 1);
  const ReportRow* all = find_row(report, "all");
  CHECK(all->detected == 2);
  CHECK(all->contain.n == 1);
  CHECK(all->recover.n == 2);
  CHECK(all->recover.mean == Approx(200));
  CHECK(find_row(report, "info")->recover.n == 0);
  CHECK(find_row(report, "nobody") == nullptr);
}

TEST_CASE("the band is that of the median time to recover") {
  struct Case {
    std::chrono::seconds recover;
    std::string_view band;
  };
  for (const Case& one :
       {Case{1min, "elite"}, {3599s, "elite"}, {1h, "high"}, {24h, "medium"}, {24h * 7, "low"}}) {
    const double seconds = double(one.recover.count());
    const Report report =
        make_report(std::vector{recovered_record("a", Severity::kInfo, 24h * 20, 1, seconds, seconds)},
                    kSampleNow - 24h * 30, kSampleNow, ReportGrouping::kNone);
    REQUIRE(report.rows.size() == 1);
    CHECK(report.rows[0].band == one.band);
  }
  CHECK(make_report({}, kSampleNow - 1h, kSampleNow, ReportGrouping::kNone).rows[0].band == "-");
}

TEST_CASE("a report is written for people and for machines") {
  const Report report = make_report(std::vector{recovered_record("a", Severity::kError, 1h, 1.5, 185, 300)},
                                    kSampleNow - 24h, kSampleNow, ReportGrouping::kSource);
  CHECK(to_text(report, ReportFormat::kTable) ==
        "GROUP          DETECTED   CONTAIN-N   CONTAIN-MEAN   CONTAIN-MEDIAN   CONTAIN-P90   R"
        "ECOVER-N   RECOVER-MEAN   RECOVER-MEDIAN   RECOVER-P90   BAND\n"
        "falco          1          1           1.5s           1.5s             1.5s          1"
        "           3m05s          3m05s            3m05s         elite\n"
        "generic        0          0           -              -                -             0"
        "           -              -                -             -\n"
        "alertmanager   0          0           -              -                -             0"
        "           -              -                -             -\n"
        "person         0          0           -              -                -             0"
        "           -              -                -             -\n"
        "other          0          0           -              -                -             0"
        "           -              -                -             -\n"
        "all            1          1           1.5s           1.5s             1.5s          1"
        "           3m05s          3m05s            3m05s         elite\n"
        "\n"
        "From 2025-12-31T00:00:00Z to 2026-01-01T00:00:00Z.\n"
        "Below n = 10 means and percentiles say little about a trend.\n");
  CHECK(to_text(report, ReportFormat::kCsv)
            .find("\nfalco,1,1,1.500000,1.500000,1.500000,1,185.000000,185.000000,"
                  "185.000000,elite\ngeneric,0,0,,,,0,,,,-\n") != std::string::npos);
  CHECK(
      to_text(report, ReportFormat::kMarkdown).find("| person | 0 | 0 | - | - | - | 0 | - | - | - | - |\n") !=
      std::string::npos);
  const auto json = parse_json(to_text(report, ReportFormat::kJson)).value();
  CHECK(json["rows"][0]["recoverSeconds"] ==
        nlohmann::json({{"n", 1}, {"mean", 185}, {"median", 185}, {"p90", 185}}));
  CHECK(json["rows"][1]["containSeconds"]["mean"].is_null());
  for (const ReportFormat format :
       {ReportFormat::kTable, ReportFormat::kJson, ReportFormat::kCsv, ReportFormat::kMarkdown}) {
    CHECK(to_text(report, format).find("mttr") == std::string::npos);
  }
}

TEST_CASE("words for groupings and formats are read") {
  CHECK(parse_report_grouping("severity") == ReportGrouping::kSeverity);
  CHECK(parse_report_grouping("none") == ReportGrouping::kNone);
  CHECK_FALSE(parse_report_grouping("namespace"));
  CHECK(parse_report_format("markdown") == ReportFormat::kMarkdown);
  CHECK_FALSE(parse_report_format("yaml"));
}
