// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "intake_load.h"
#include "measurements.h"
#include "net/curl_transport.h"
#include "process_stats.h"
#include "scrape.h"

namespace kintsugi::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kFloodTime = 4s;
constexpr std::size_t kFloodConnections = 32;
/// A controller that has just started still prepares for the day.
constexpr auto kStartUp = 3s;

void measure_flood(Bench& bench, const std::string& name, const std::string& event,
                   const std::string& expected) {
  support::ControllerProcess& controller = bench.home.process();
  const auto scraper = net::make_curl_transport({});
  const auto counted = [&] {
    return sum_of_metric(*scraper, controller.metrics_url(), "kintsugi_signals_total",
                         "disposition=\"" + expected + "\"");
  };
  const double before = counted();
  const double cpu_before = cpu_seconds(controller.id());
  const Flood result = flood(controller.signals_url(), event, expected, kFloodConnections, kFloodTime);
  const double cpu = cpu_seconds(controller.id()) - cpu_before;
  const double seconds = std::chrono::duration<double>(result.took).count();
  bench.report.figure(name + " signals, as sent", fmt::format("{:.0f}/s", double(result.accepted) / seconds));
  bench.report.figure(name + " signals per core", double(result.accepted) / cpu, "/s",
                      at_least(10'000, "/s"));
  if (result.others > 0)
    bench.report.failure(fmt::format("{} {} signals were answered otherwise", result.others, name));
  const double missing = double(result.accepted) - (counted() - before);
  if (missing > 0)
    bench.report.failure(fmt::format("{} accepted {} signals were not counted", missing, name));
}

}  // namespace

void measure_memory(Bench& bench) {
  const support::ControllerProcess& controller = bench.home.process();
  std::this_thread::sleep_for(kStartUp);
  bench.report.heading(fmt::format("Memory with {} pods, first list included", bench.cluster.victims()));
  bench.report.figure("peak resident", peak_resident_mib(controller.id()), " MiB", at_most(30, " MiB"));
  bench.report.figure("resident afterwards", fmt::format("{:.1f} MiB", resident_mib(controller.id())));
}

void measure_intake(Bench& bench) {
  const auto victims = bench.cluster.ready_pods(1);
  const Victim& victim = victims.front();
  const Taken opened = send_signal(bench.home.process(), victim, kBreachRule);
  if (!opened.is_durable()) throw std::runtime_error("no incident: " + opened.result + opened.problem);
  std::this_thread::sleep_for(kStartUp);
  bench.report.heading(fmt::format("Intake, one event a request on {} connections", kFloodConnections));
  measure_flood(bench, "non-matching", event_about(victim, "Some other rule"), "no-playbook");
  measure_flood(bench, "duplicate", event_about(victim, kBreachRule), "duplicate");
}

}  // namespace kintsugi::bench
