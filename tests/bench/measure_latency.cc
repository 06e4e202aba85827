// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "isolate.h"
#include "measurements.h"

namespace kintsugi::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kOnePatience = 10s;
/// Between two measurements, so that what one leaves to do is not in the next one's time.
constexpr auto kSettle = 30ms;

std::optional<Duration> time_one(Bench& bench, const Victim& victim, const Isolate& isolate) {
  const MonotonicTime start = bench.clock.monotonic();
  const std::string problem = isolate(victim);
  if (!problem.empty()) throw std::runtime_error(problem);
  const auto seen = bench.watch.wait(victim.uid, bench.clock.monotonic() + kOnePatience);
  std::this_thread::sleep_for(kSettle);
  return seen ? std::optional<Duration>(*seen - start) : std::nullopt;
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

}  // namespace kintsugi::bench
