// SPDX-License-Identifier: Apache-2.0
#include "metrics/exposition.h"

#include <prometheus/metric_family.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "metrics/sample_records.h"

using namespace kintsugi;
using namespace kintsugi::metrics;

namespace {

RegistryOptions options() {
  return {"1.2.3", "abc", "127.0.0.1:6443", "kintsugi", {{"incident", 8}, {"workload", 1}}};
}

std::set<std::string> family_names(const std::string& text) {
  std::set<std::string> names;
  for (std::size_t at = text.find("# TYPE "); at != std::string::npos; at = text.find("# TYPE ", at + 1)) {
    names.insert(text.substr(at + 7, text.find(' ', at + 7) - at - 7));
  }
  return names;
}

const std::set<std::string> kProcessNames{
    "controller_runtime_active_workers",
    "controller_runtime_max_concurrent_reconciles",
    "controller_runtime_reconcile_errors_total",
    "controller_runtime_reconcile_panics_total",
    "controller_runtime_reconcile_time_seconds",
    "controller_runtime_reconcile_timeouts_total",
    "controller_runtime_reconcile_total",
    "controller_runtime_terminal_reconcile_errors_total",
    "controller_runtime_webhook_latency_seconds",
    "controller_runtime_webhook_requests_total",
    "kintsugi_action_duration_seconds",
    "kintsugi_actions_total",
    "kintsugi_admission_reviews_total",
    "kintsugi_build_info",
    "kintsugi_evidence_bytes_total",
    "kintsugi_evidence_objects_total",
    "kintsugi_image_verifications_total",
    "kintsugi_last_signal_timestamp_seconds",
    "kintsugi_protected_workloads",
    "kintsugi_signals_total",
    "leader_election_master_status",
    "process_cpu_seconds_total",
    "process_heap_bytes",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_threads",
    "process_virtual_memory_bytes",
    "process_virtual_memory_max_bytes",
    "rest_client_request_duration_seconds",
    "rest_client_requests_total",
    "workqueue_adds_total",
    "workqueue_depth",
    "workqueue_longest_running_processor_seconds",
    "workqueue_queue_duration_seconds",
    "workqueue_retries_total",
    "workqueue_unfinished_work_seconds",
    "workqueue_work_duration_seconds",
};
const std::set<std::string> kRecoveryNames{
    "kintsugi_approvals_pending",
    "kintsugi_clock_skew_clamps_total",
    "kintsugi_containment_objective_seconds",
    "kintsugi_incident_phase_duration_seconds",
    "kintsugi_incident_time_to_acknowledge_seconds",
    "kintsugi_incident_time_to_contain_seconds",
    "kintsugi_incident_time_to_detect_seconds",
    "kintsugi_incident_time_to_recover_seconds",
    "kintsugi_incidents_closed_total",
    "kintsugi_incidents_in_window",
    "kintsugi_incidents_total",
    "kintsugi_mean_time_to_recover_seconds",
    "kintsugi_median_time_to_recover_seconds",
    "kintsugi_oldest_open_incident_timestamp_seconds",
    "kintsugi_oldest_uncontained_incident_timestamp_seconds",
    "kintsugi_open_incidents",
    "kintsugi_recovery_objective_seconds",
};

}  // namespace

TEST_CASE("a follower exposes its process, the leader also the recovery metrics") {
  const Registry registry(options());
  CHECK(family_names(expose(registry, std::nullopt, kSampleObjectives, kSampleNow)) == kProcessNames);

  const std::vector<IncidentRecord> records = many_records(500);
  const std::string text = expose(registry, RecoveryHistory{records, {}}, kSampleObjectives, kSampleNow);
  std::set<std::string> all = kProcessNames;
  all.insert(kRecoveryNames.begin(), kRecoveryNames.end());
  CHECK(family_names(text) == all);
  for (const std::string& name : all) CHECK(name.find("mttr") == std::string::npos);
  for (const char* severity : {"critical", "error", "info", "warning"}) {
    const std::string line =
        std::string("kintsugi_incident_time_to_recover_seconds_count{severity=\"") + severity;
    CHECK(text.find(line + "\"} 125\n") != std::string::npos);
  }
}

TEST_CASE("no family has more than a hundred lines") {
  const Registry registry(options());
  const std::string text =
      expose(registry, RecoveryHistory{many_records(500), {}}, kSampleObjectives, kSampleNow);
  std::size_t lines = 0;
  std::string family;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find('\n', start);
    const std::string line = text.substr(start, end - start);
    start = end + 1;
    if (line.starts_with("# TYPE ")) {
      family = line;
      lines = 0;
    } else if (!line.starts_with("#")) {
      ++lines;
    }
    INFO(family);
    REQUIRE(lines <= 100);
  }
}

TEST_CASE("what the format does not allow does not reach the text") {
  prometheus::MetricFamily family{"b", "two\nlines \\ and", prometheus::MetricType::Gauge, {}};
  family.metric.resize(2);
  family.metric[0].label = {{"value", "z Nan\nz"}};
  family.metric[0].gauge.value = NAN;
  family.metric[1].label = {{"value", "\"a\""}};
  family.metric[1].gauge.value = INFINITY;
  const prometheus::MetricFamily first{"a", "", prometheus::MetricType::Counter, {{}}};
  CHECK(expose({family, first}) ==
        "# TYPE a counter\n"
        "a 0\n"
        "# HELP b two\\nlines \\\\ and\n"
        "# TYPE b gauge\n"
        "b{value=\"\\\"a\\\"\"} +Inf\n"
        "b{value=\"z Nan\\nz\"} NaN\n");
}

TEST_CASE("Unix times keep their milliseconds") {
  prometheus::MetricFamily family{"t", "", prometheus::MetricType::Gauge, {{}}};
  family.metric[0].gauge.value = 1786000123.4567;
  CHECK(expose({family}).find("t 1786000123.4567\n") != std::string::npos);
}
