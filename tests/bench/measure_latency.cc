// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <functional>
#include <set>
#include <thread>

#include "intake_load.h"
#include "measurements.h"
#include "process_stats.h"
#include "tests/support/objects.h"
#include "tests/support/parallel.h"

namespace kintsugi::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kOnePatience = 10s;
constexpr auto kStormPatience = 60s;
/// Between two measurements, so that what one leaves to do is not in the next one's time.
constexpr auto kSettle = 30ms;

/// Starts the isolation of a victim; an error's text, or nothing.
using Isolate = std::function<std::string(const Victim& victim)>;

Isolate by_controller(Bench& bench) {
  return [&bench](const Victim& victim) {
    const Taken taken = send_signal(bench.home.process(), victim, kBreachRule);
    if (!taken.problem.empty()) bench.report.remark("a signal was sent again: " + taken.problem);
    return taken.is_durable() ? std::string() : "not accepted: " + taken.result + taken.problem;
  };
}

Isolate by_patch(Floors& floors) {
  return [&floors](const Victim& victim) { return floors.release(victim); };
}

Isolate by_create_and_patch(Floors& floors) {
  return [&floors](const Victim& victim) { return floors.create_and_release(victim); };
}

std::optional<Duration> time_one(Bench& bench, const Victim& victim, const Isolate& isolate) {
  const MonotonicTime start = bench.clock.monotonic();
  const std::string problem = isolate(victim);
  if (!problem.empty()) throw std::runtime_error(problem);
  const auto seen = bench.watch.wait(victim.uid, bench.clock.monotonic() + kOnePatience);
  std::this_thread::sleep_for(kSettle);
  return seen ? std::optional<Duration>(*seen - start) : std::nullopt;
}

/// What became of all victims at once.
struct Storm {
  std::optional<Duration> until_last;  ///< nothing: not all were isolated in time
  Duration until_accepted{0};          ///< until the last call returned
  std::vector<std::string> problems;
};

Storm time_storm(Bench& bench, const std::vector<Victim>& victims, const Isolate& isolate) {
  Storm storm;
  std::mutex mutex;
  const MonotonicTime start = bench.clock.monotonic();
  support::in_parallel(bench.cluster.connections(), victims.size(), [&](std::size_t i) {
    std::string problem = isolate(victims[i]);
    if (problem.empty()) return;
    const std::lock_guard lock(mutex);
    storm.problems.push_back(std::move(problem));
  });
  storm.until_accepted = bench.clock.monotonic() - start;
  std::vector<std::string> uids;
  uids.reserve(victims.size());
  for (const Victim& victim : victims) uids.push_back(victim.uid);
  if (const auto last = bench.watch.wait(uids, start + kStormPatience)) storm.until_last = *last - start;
  return storm;
}

Duration time_storm_of_floor(Bench& bench, const Isolate& isolate) {
  std::vector<Victim> victims = bench.cluster.ready_pods(bench.cluster.victims());
  victims.resize(bench.cluster.victims());
  const Storm storm = time_storm(bench, victims, isolate);
  if (!storm.problems.empty()) throw std::runtime_error(storm.problems.front());
  if (!storm.until_last) throw std::runtime_error("the floor's victims are not seen isolated");
  return *storm.until_last;
}

void check_nothing_lost(Bench& bench, const std::vector<Victim>& victims) {
  std::set<std::string> targets;
  for (const auto& incident : bench.cluster.incidents())
    targets.insert(incident.at("spec").at("target").at("uid"));
  std::size_t lost = 0;
  for (const Victim& victim : victims) lost += std::size_t(!targets.contains(victim.uid));
  if (lost > 0) bench.report.failure(fmt::format("{} accepted signals have no incident", lost));
  bench.report.figure("accepted signals without an incident", double(lost), "", at_most(0, ""));
}

}  // namespace

Floors measure_first_contact(Bench& bench) {
  const auto victims = bench.cluster.ready_pods(1);
  time_one(bench, victims.front(), by_controller(bench));
  const auto incidents = bench.cluster.incidents();
  if (incidents.empty()) throw std::runtime_error("the controller made no incident");
  return {bench.cluster, incidents.front()};
}

void measure_latency(Bench& bench, Floors& floors, std::size_t count) {
  std::vector<Victim> victims = bench.cluster.ready_pods(bench.cluster.victims());
  count = std::min(count, victims.size() / 3);
  const Isolate ways[] = {by_patch(floors), by_create_and_patch(floors), by_controller(bench)};
  Samples samples[3];
  std::size_t lost = 0;
  for (std::size_t i = 0; i < count * 3; ++i) {
    const std::size_t way = (i + i / 3) % 3;  // each follows each other equally often
    const auto took = time_one(bench, victims[i], ways[way]);
    if (took)
      samples[way].add(*took);
    else
      ++lost;
  }
  bench.report.heading(fmt::format(
      "Containment, one after the other: {} victims; signal sent to isolated, as a watcher sees it", count));
  if (lost > 0) bench.report.failure(fmt::format("{} victims were not isolated within 10 s", lost));
  const auto p50 = [&](int way) { return samples[way].percentile(0.5); };
  const auto p99 = [&](int way) { return samples[way].percentile(0.99); };
  bench.report.ratio("p50, over the label patch alone", p50(2), p50(0), at_most(2.5, "x"));
  bench.report.ratio("p99, over the label patch alone", p99(2), p99(0));
  bench.report.ratio("p50, over create-then-patch", p50(2), p50(1));
  bench.report.ratio("p99, over create-then-patch", p99(2), p99(1));
}

void measure_storm(Bench& bench, Floors& floors) {
  bench.home.stop();
  const Duration patch = time_storm_of_floor(bench, by_patch(floors));
  const Duration create_and_patch = time_storm_of_floor(bench, by_create_and_patch(floors));
  std::vector<Victim> victims = bench.cluster.ready_pods(bench.cluster.victims());
  victims.resize(bench.cluster.victims());
  support::ControllerProcess& controller = bench.home.start_afresh();
  const double cpu_before = cpu_seconds(controller.id());
  const Storm storm = time_storm(bench, victims, by_controller(bench));
  const double cpu = cpu_seconds(controller.id()) - cpu_before;

  bench.report.heading(
      fmt::format("Containment, {} victims at once on {} connections: first signal sent to last one isolated",
                  victims.size(), bench.cluster.connections()));
  for (const std::string& problem : storm.problems) bench.report.failure(problem);
  if (storm.until_last) {
    bench.report.ratio("all, over the label patch alone", *storm.until_last, patch);
    bench.report.ratio("all, over create-then-patch", *storm.until_last, create_and_patch,
                       at_most(1.25, "x"));
  } else {
    bench.report.failure("not all victims were isolated within 60 s");
  }
  const double seconds = std::chrono::duration<double>(storm.until_accepted).count();
  bench.report.figure("matching signals accepted", fmt::format("{:.0f}/s", double(victims.size()) / seconds));
  bench.report.figure("CPU until then, follow-up work included", fmt::format("{:.2f} s", cpu));
  bench.report.figure("memory after it, peak", fmt::format("{:.1f} MiB", peak_resident_mib(controller.id())));
  check_nothing_lost(bench, victims);
}

}  // namespace kintsugi::bench
