// SPDX-License-Identifier: Apache-2.0
#include "metrics/registry.h"

#include <catch2/catch.hpp>
#include <thread>

#include "metrics/exposition.h"
#include "metrics/sample_records.h"

#include <prometheus/metric_family.h>

using namespace kintsugi;
using namespace kintsugi::metrics;
using namespace std::chrono_literals;

namespace {

RegistryOptions options() {
  return {"1.2.3", "abc", "127.0.0.1:6443", "kintsugi", {{"incident", 8}}};
}

bool has_line(const Registry& registry, const std::string& line) {
  return ("\n" + expose(registry.collect())).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("every known label set of the process is there at 0") {
  const Registry registry(options());
  for (const char* line : {
           "kintsugi_signals_total{disposition=\"opened\",source=\"falco\"} 0",
           "kintsugi_signals_total{disposition=\"other\",source=\"other\"} 0",
           "kintsugi_actions_total{action=\"contain/isolate\",result=\"failed\"} 0",
           "kintsugi_evidence_objects_total{kind=\"logs\",result=\"failed\"} 0",
           "kintsugi_image_verifications_total{result=\"refused\"} 0",
           "kintsugi_image_verifications_total{result=\"warned\"} 0",
           "kintsugi_admission_reviews_total{result=\"undecided\"} 0",
           "controller_runtime_webhook_requests_total{code=\"200\",webhook=\"/v1/admission/fail-open\"} 0",
           "controller_runtime_webhook_latency_seconds_count{webhook=\"/v1/admission/fail-closed\"} 0",
           "kintsugi_protected_workloads{containable=\"true\",prepared=\"false\"} 0",
           "kintsugi_build_info{revision=\"abc\",version=\"1.2.3\"} 1",
           "leader_election_master_status{name=\"kintsugi\"} 0",
           "rest_client_requests_total{code=\"409\",host=\"127.0.0.1:6443\",method=\"PATCH\"} 0",
           "rest_client_request_duration_seconds_count{host=\"127.0.0.1:6443\",verb=\"GET\"} 0",
           "controller_runtime_reconcile_total{controller=\"incident\",result=\"requeue_after\"} 0",
           "controller_runtime_reconcile_errors_total{controller=\"incident\"} 0",
           "controller_runtime_terminal_reconcile_errors_total{controller=\"incident\"} 0",
           "controller_runtime_reconcile_panics_total{controller=\"incident\"} 0",
           "controller_runtime_reconcile_timeouts_total{controller=\"incident\"} 0",
           "controller_runtime_reconcile_time_seconds_count{controller=\"incident\"} 0",
           "controller_runtime_max_concurrent_reconciles{controller=\"incident\"} 8",
           "controller_runtime_active_workers{controller=\"incident\"} 0",
           "workqueue_depth{controller=\"incident\",name=\"incident\",priority=\"\"} 0",
           "workqueue_adds_total{controller=\"incident\",name=\"incident\"} 0",
           "workqueue_retries_total{controller=\"incident\",name=\"incident\"} 0",
           "workqueue_unfinished_work_seconds{controller=\"incident\",name=\"incident\"} 0",
           "workqueue_longest_running_processor_seconds{controller=\"incident\",name=\"incident\"} 0",
           "workqueue_queue_duration_seconds_count{controller=\"incident\",name=\"incident\"} 0",
           "workqueue_work_duration_seconds_count{controller=\"incident\",name=\"incident\"} 0",
       }) {
    INFO(line);
    CHECK(has_line(registry, line));
  }
}

TEST_CASE("what happens is counted under its labels") {
  Registry registry(options());
  registry.count_signal("falco", "opened", kSampleNow);
  registry.count_action("contain/isolate", ActionResult::kFailed, 30ms);
  registry.count_evidence("logs", EvidenceResult::kStored, 1000);
  registry.count_evidence("logs", EvidenceResult::kFailed, 500);
  registry.count_image_verification(VerificationResult::kUnavailable);
  registry.count_admission(AdmissionResult::kRefused);
  registry.observe_webhook("/v1/admission/fail-closed", 503, 30ms);
  registry.set_protected_workloads(true, false, 7);
  registry.set_leading(true);
  registry.observe_request("PATCH", 0, 10ms);
  for (const char* line : {
           "kintsugi_signals_total{disposition=\"opened\",source=\"falco\"} 1",
           "kintsugi_last_signal_timestamp_seconds{source=\"falco\"} 1767225600",
           "kintsugi_actions_total{action=\"contain/isolate\",result=\"failed\"} 1",
           "kintsugi_action_duration_seconds_bucket{action=\"contain/isolate\",le=\"0.05\"} 1",
           "kintsugi_action_duration_seconds_bucket{action=\"contain/isolate\",le=\"0.025\"} 0",
           "kintsugi_evidence_objects_total{kind=\"logs\",result=\"stored\"} 1",
           "kintsugi_evidence_bytes_total 1000",
           "kintsugi_image_verifications_total{result=\"unavailable\"} 1",
           "kintsugi_admission_reviews_total{result=\"refused\"} 1",
           "controller_runtime_webhook_requests_total{code=\"other\",webhook=\"/v1/admission/fail-closed\"} "
           "1",
           "controller_runtime_webhook_latency_seconds_bucket{webhook=\"/v1/admission/"
           "fail-closed\",le=\"0.05\"} 1",
           "kintsugi_protected_workloads{containable=\"true\",prepared=\"false\"} 7",
           "leader_election_master_status{name=\"kintsugi\"} 1",
           "rest_client_requests_total{code=\"<error>\",host=\"127.0.0.1:6443\",method=\"PATCH\"} 1",
       }) {
    INFO(line);
    CHECK(has_line(registry, line));
  }
}

TEST_CASE("what comes from outside becomes no label") {
  Registry registry(options());
  registry.count_signal("evil\"} 1\n", "pod-name", kSampleNow);
  registry.count_action("contain/pod-1", ActionResult::kApplied, 1ms);
  registry.observe_request("GET", 418, 1ms);
  CHECK(has_line(registry, "kintsugi_signals_total{disposition=\"other\",source=\"other\"} 1"));
  CHECK(has_line(registry, "kintsugi_actions_total{action=\"other\",result=\"applied\"} 1"));
  CHECK(has_line(registry,
                 "rest_client_requests_total{code=\"other\",host=\"127.0.0.1:6443\",method=\"GET\"} 1"));
  CHECK(expose(registry.collect()).find("evil") == std::string::npos);
}

TEST_CASE("a controller is measured under controller-runtime's names") {
  Registry registry(options());
  ControllerMetrics& controller = registry.controller("incident");
  controller.reconcile_started();
  controller.reconcile_started();
  CHECK(has_line(registry, "controller_runtime_active_workers{controller=\"incident\"} 2"));
  controller.reconcile_ended(ReconcileResult::kRequeueAfter, 20ms);
  controller.reconcile_ended(ReconcileResult::kError, 20ms);
  controller.count_terminal_error();
  controller.queue_taken(1ms);
  controller.queue_done(20ms);
  controller.set_queue([] { return QueueState{3, 40, 2, 5s, 4s}; });
  for (const char* line : {
           "controller_runtime_active_workers{controller=\"incident\"} 0",
           "controller_runtime_reconcile_total{controller=\"incident\",result=\"requeue_after\"} 1",
           "controller_runtime_reconcile_total{controller=\"incident\",result=\"error\"} 1",
           "controller_runtime_reconcile_errors_total{controller=\"incident\"} 1",
           "controller_runtime_terminal_reconcile_errors_total{controller=\"incident\"} 1",
           "controller_runtime_reconcile_time_seconds_sum{controller=\"incident\"} 0.04",
           "workqueue_queue_duration_seconds_count{controller=\"incident\",name=\"incident\"} 1",
           "workqueue_work_duration_seconds_sum{controller=\"incident\",name=\"incident\"} 0.02",
           "workqueue_depth{controller=\"incident\",name=\"incident\",priority=\"\"} 3",
           "workqueue_adds_total{controller=\"incident\",name=\"incident\"} 40",
           "workqueue_retries_total{controller=\"incident\",name=\"incident\"} 2",
           "workqueue_unfinished_work_seconds{controller=\"incident\",name=\"incident\"} 5",
           "workqueue_longest_running_processor_seconds{controller=\"incident\",name=\"incident\"} 4",
       }) {
    INFO(line);
    CHECK(has_line(registry, line));
  }
  controller.set_queue({});
  CHECK(has_line(registry, "workqueue_depth{controller=\"incident\",name=\"incident\",priority=\"\"} 0"));
}

TEST_CASE("threads count while others scrape") {
  Registry registry(options());
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 500; ++j) registry.count_signal("falco", "duplicate", kSampleNow);
      });
    }
    for (int i = 0; i < 5; ++i) CHECK_FALSE(registry.collect().empty());
  }
  CHECK(has_line(registry, "kintsugi_signals_total{disposition=\"duplicate\",source=\"falco\"} 2000"));
}
