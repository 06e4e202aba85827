// SPDX-License-Identifier: Apache-2.0
//
// kintsugi-bench: measures the controller that was built beside it, on a cluster. `./run bench` calls it.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <nlohmann/json.hpp>
#include <thread>

#include "measurements.h"

namespace {

using namespace kintsugi;
using namespace kintsugi::bench;

constexpr std::size_t kSequentialVictims = 200;
constexpr std::size_t kKillVictims = 300;

/// What others do on this machine is in every figure; the ratios suffer less.
std::string describe_machine() {
  double load = 0;
  ::getloadavg(&load, 1);
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", load);
  return std::to_string(std::thread::hardware_concurrency()) + " CPUs, load average " + text +
         " at the start";
}

const std::vector<std::string> kParts{"memory", "latency", "intake", "recovery", "storm", "kill"};

void run(const ClusterOptions& options, const std::vector<std::string>& parts, Report& report) {
  const SystemClock clock;
  Logger log(clock, LogLevel::kError, standard_error_writer());
  Cluster cluster(options, clock, log);
  report.remark(describe_machine());
  report.remark(std::to_string(cluster.victims()) + " victims, " + std::to_string(options.connections) +
                " connections, namespace " + cluster.shop());
  if (cluster.victims() < options.victims) report.remark("the cluster has no room for more victims");
  ControllerHome home(cluster);
  IsolationWatch watch(cluster.client(), cluster.shop(), clock, log);
  Bench bench{cluster, home, watch, clock, report};

  cluster.deploy_victims();
  cluster.ready_pods(cluster.victims());
  const auto wanted = [&](const char* part) {
    return std::find(parts.begin(), parts.end(), part) != parts.end();
  };
  home.start();
  if (wanted("memory")) measure_memory(bench);
  Floors floors = measure_first_contact(bench);
  if (wanted("latency")) measure_latency(bench, floors, kSequentialVictims);
  if (wanted("intake")) measure_intake(bench);
  if (wanted("recovery")) measure_recovery(bench);
  if (wanted("storm")) measure_storm(bench, floors);
  if (wanted("kill")) measure_kill(bench, std::min(kKillVictims, cluster.victims()));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures kintsugi-controller on a cluster, beside floors of the same run.");
  ClusterOptions options;
  app.add_option("--kubeconfig", options.kubeconfig, "the cluster; its CRDs must be there")
      ->envname("KUBECONFIG")
      ->required();
  app.add_option("--image", options.image, "what victims run; by default signed where kwok plays the nodes");
  app.add_option("--victims", options.victims, "how many at once")->capture_default_str();
  app.add_option("--connections", options.connections, "of the floors and of the sensors")
      ->check(CLI::Range(1, 60))
      ->capture_default_str();
  std::vector<std::string> parts = kParts;
  app.add_option("--only", parts, "these parts alone")->check(CLI::IsMember(kParts))->delimiter(',');
  CLI11_PARSE(app, argc, argv);
  Report report;
  try {
    run(options, parts, report);
  } catch (const std::exception& trouble) {
    report.failure(trouble.what());
  }
  report.summary();
  return report.failed() ? EXIT_FAILURE : EXIT_SUCCESS;
}
