// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "isolate.h"
#include "net/curl_transport.h"
#include "process_stats.h"
#include "scrape.h"
#include "tests/support/parallel.h"

namespace kintsugi::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 60s;

/// What became of all victims at once.
struct Storm {
  std::optional<Duration> until_last;  ///< nothing: not all were isolated in time
  Duration until_ordered{0};           ///< until the last call returned
  std::vector<Victim> ordered;
  std::vector<std::string> problems;  ///< of those that were not
};

Storm time_storm(Bench& bench, const std::vector<Victim>& victims, const Isolate& isolate) {
  Storm storm;
  std::mutex mutex;
  const MonotonicTime start = bench.clock.monotonic();
  support::in_parallel(bench.cluster.connections(), victims.size(), [&](std::size_t i) {
    std::string problem = isolate(victims[i]);
    const std::lock_guard lock(mutex);
    if (problem.empty())
      storm.ordered.push_back(victims[i]);
    else
      storm.problems.push_back(std::move(problem));
  });
  storm.until_ordered = bench.clock.monotonic() - start;
  std::vector<std::string> uids;
  uids.reserve(victims.size());
  for (const Victim& victim : storm.ordered) uids.push_back(victim.uid);
  const auto last = bench.watch.wait(uids, bench.clock.monotonic() + kPatience);
  if (last && storm.problems.empty()) storm.until_last = *last - start;
  return storm;
}

std::vector<Victim> all_victims(Bench& bench) {
  std::vector<Victim> victims = bench.cluster.ready_pods(bench.cluster.victims());
  victims.resize(bench.cluster.victims());
  return victims;
}

Duration time_floor(Bench& bench, const Isolate& isolate) {
  const Storm storm = time_storm(bench, all_victims(bench), isolate);
  if (!storm.problems.empty()) throw std::runtime_error(storm.problems.front());
  if (!storm.until_last) throw std::runtime_error("the floor's victims are not seen isolated");
  return *storm.until_last;
}

std::size_t count_without_incident(Bench& bench, const std::vector<Victim>& victims) {
  std::set<std::string> targets;
  for (const auto& incident : bench.cluster.incidents())
    targets.insert(incident.at("spec").at("target").at("uid"));
  std::size_t lost = 0;
  for (const Victim& victim : victims) lost += std::size_t(!targets.contains(victim.uid));
  return lost;
}

void report_trouble(Bench& bench, const Storm& storm) {
  if (!storm.problems.empty()) {
    bench.report.failure(
        fmt::format("{} signals were not accepted: {}", storm.problems.size(), storm.problems.front()));
  } else if (!storm.until_last) {
    bench.report.failure("not all victims were isolated within 60 s after the last signal");
  }
  const std::size_t lost = count_without_incident(bench, storm.ordered);
  if (lost > 0) bench.report.failure("accepted signals were lost");
  bench.report.figure("accepted signals without an incident", double(lost), "", at_most(0, ""));
}

}  // namespace

void measure_storm(Bench& bench, Floors& floors) {
  bench.home.stop();  // what it does when pods change is no part of a floor
  bench.report.heading(
      fmt::format("Containment, {} victims at once on {} connections: first signal sent to last isolated",
                  bench.cluster.victims(), bench.cluster.connections()));
  const Duration patch = time_floor(bench, by_patch(floors));
  const Duration create_and_patch = time_floor(bench, by_create_and_patch(floors));
  const std::vector<Victim> victims = all_victims(bench);
  support::ControllerProcess& controller = bench.home.start_afresh();
  const auto scraper = net::make_curl_transport({});
  const auto requests = [&] {
    return sum_of_metric(*scraper, controller.metrics_url(), "rest_client_requests_total");
  };
  const double cpu_before = cpu_seconds(controller.id());
  const double requests_before = requests();
  const Storm storm = time_storm(bench, victims, by_controller(bench));
  const double cpu = cpu_seconds(controller.id()) - cpu_before;
  const double sent = requests() - requests_before;
  if (storm.until_last) {
    bench.report.ratio("all, over the label patch alone", *storm.until_last, patch);
    bench.report.ratio("all, over create-then-patch", *storm.until_last, create_and_patch,
                       at_most(1.25, "x"));
  }
  const double seconds = std::chrono::duration<double>(storm.until_ordered).count();
  bench.report.figure("matching signals accepted",
                      fmt::format("{:.0f}/s", double(storm.ordered.size()) / seconds));
  bench.report.figure("CPU until then", fmt::format("{:.2f} s", cpu));
  bench.report.figure("API requests until then", fmt::format("{:.0f}", sent));
  bench.report.figure("peak resident", fmt::format("{:.1f} MiB", peak_resident_mib(controller.id())));
  report_trouble(bench, storm);
}

}  // namespace kintsugi::bench
