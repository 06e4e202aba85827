// SPDX-License-Identifier: Apache-2.0
//
// sample_metrics N: writes what /metrics of a leader would answer after N recovered incidents and a few open
// ones, as input for promtool and Prometheus.
#include <cstdlib>
#include <iostream>

#include "metrics/exposition.h"
#include "metrics/sample_records.h"

using namespace kintsugi;
using namespace kintsugi::metrics;
using namespace std::chrono_literals;

namespace {

void work(Registry& registry, std::size_t incidents) {
  ControllerMetrics& controller = registry.controller("incident");
  for (std::size_t i = 0; i < incidents; ++i) {
    registry.count_signal("falco", i % 3 == 0 ? "duplicate" : "opened", kSampleNow);
    registry.count_action("contain/isolate", ActionResult::kApplied, 12ms);
    registry.count_evidence("logs", EvidenceResult::kStored, 4096);
    registry.count_image_verification(VerificationResult::kAccepted);
    registry.observe_request("PATCH", 200, 8ms);
    controller.queue_taken(1ms);
    controller.reconcile_started();
    controller.reconcile_ended(ReconcileResult::kSuccess, 15ms);
    controller.queue_done(15ms);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t incidents = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 0;
  Registry registry({"0.1.0", "sample", "127.0.0.1:6443", "kintsugi", {{"incident", 8}}});
  registry.set_leading(true);
  registry.set_protected_workloads(true, true, 12);
  work(registry, incidents);
  std::vector<IncidentRecord> records = many_records(incidents);
  records.push_back(open_record("open-1", Severity::kCritical, Stage::kContaining, 2min));
  records.push_back(open_record("open-2", Severity::kWarning, Stage::kAwaitingApproval, 20min));
  std::cout << expose(registry, RecoveryHistory{records, {}}, kSampleObjectives, kSampleNow);
}
