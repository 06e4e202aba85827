// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "intake_load.h"
#include "measurements.h"
#include "net/curl_transport.h"
#include "process_stats.h"
#include "scrape.h"
#include "tests/support/objects.h"

namespace kintsugi::bench {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::size_t kRounds = 10;
constexpr int kReplicas = 3;
constexpr auto kPatience = 60s;
constexpr auto kLook = 5ms;
constexpr const char* kService = "recovered";

template <class IsSo>
void wait_until(Bench& bench, const std::string& what, const IsSo& is_so) {
  const MonotonicTime deadline = bench.clock.monotonic() + kPatience;
  while (!is_so()) {
    if (bench.clock.monotonic() > deadline) throw std::runtime_error("not within a minute: " + what);
    std::this_thread::sleep_for(kLook);
  }
}

/// The floor: a pod is deleted, and as many are Ready as before.
Duration time_delete(Bench& bench) {
  Cluster& cluster = bench.cluster;
  const Victim victim = cluster.ready_pods(kReplicas, kService).front();
  const MonotonicTime start = bench.clock.monotonic();
  need(cluster.client().remove(k8s::kPods, {cluster.shop(), victim.name}, {}, patiently()));
  k8s::ListParams params;
  params.label_selector = std::string("app=") + kService;
  wait_until(bench, "the deleted pod's replacement is Ready", [&] {
    const auto pods = need(cluster.client().list(k8s::kPods, cluster.shop(), params, patiently()));
    return kReplicas == std::count_if(pods.begin(), pods.end(), [&](const json& pod) {
             return support::is_ready(pod) && !support::is_being_deleted(pod) &&
                    support::uid_of(pod) != victim.uid;
           });
  });
  return bench.clock.monotonic() - start;
}

Duration time_incident(Bench& bench) {
  Cluster& cluster = bench.cluster;
  const Victim victim = cluster.ready_pods(kReplicas, kService).front();
  const MonotonicTime start = bench.clock.monotonic();
  const Taken taken = send_signal(bench.home.process(), victim, kDrillRule);
  if (!taken.is_durable()) throw std::runtime_error("no incident: " + taken.result + taken.problem);
  const auto is = [&](const char* condition) {
    const json incident =
        need(cluster.client().get(kIncidents, {cluster.system(), taken.incident}, patiently()));
    return support::condition_status(incident, condition) == "True";
  };
  wait_until(bench, taken.incident + " is recovered", [&] { return is("Recovered"); });
  const Duration took = bench.clock.monotonic() - start;
  wait_until(bench, taken.incident + " is closed", [&] { return is("Closed"); });
  return took;
}

}  // namespace

void measure_recovery(Bench& bench) {
  bench.report.heading(
      fmt::format("Recovery of a Deployment of {}: signal sent to Recovered, {} times", kReplicas, kRounds));
  if (!bench.cluster.image_is_signed()) {
    bench.report.remark("not measured: the nodes pull their images, and this one has no signature of ours");
    return;
  }
  support::ControllerProcess& controller = bench.home.start_afresh();
  bench.cluster.deploy_service(kService, kReplicas);
  time_incident(bench);  // the first one verifies the image
  const auto scraper = net::make_curl_transport({});
  const auto requests = [&] {
    return sum_of_metric(*scraper, controller.metrics_url(), "rest_client_requests_total");
  };
  Samples floor;
  Samples recovery;
  double cpu = 0;
  double sent = 0;
  for (std::size_t i = 0; i < kRounds; ++i) {
    floor.add(time_delete(bench));
    const double cpu_before = cpu_seconds(controller.id());
    const double sent_before = requests();
    recovery.add(time_incident(bench));
    cpu += cpu_seconds(controller.id()) - cpu_before;
    sent += requests() - sent_before;
  }
  bench.report.ratio("p50, over a bare delete to Ready", recovery.percentile(0.5), floor.percentile(0.5));
  bench.report.ratio("slowest", recovery.percentile(1), floor.percentile(1));
  bench.report.figure("CPU per incident, to its close", fmt::format("{:.0f} ms", cpu / kRounds * 1000));
  bench.report.figure("API requests per incident", fmt::format("{:.1f}", sent / kRounds));
}

}  // namespace kintsugi::bench
