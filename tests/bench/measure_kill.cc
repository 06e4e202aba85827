// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <set>

#include "intake_load.h"
#include "measurements.h"
#include "tests/support/objects.h"
#include "tests/support/parallel.h"

namespace kintsugi::bench {
namespace {

constexpr std::chrono::seconds kPatience{60};

}  // namespace

void measure_kill(Bench& bench, std::size_t count) {
  std::vector<Victim> victims = bench.cluster.ready_pods(count);
  victims.resize(count);
  support::ControllerProcess& controller = bench.home.start_afresh();
  std::atomic<std::size_t> accepted{0};
  std::vector<Taken> taken(victims.size());
  support::in_parallel(bench.cluster.connections(), victims.size(), [&](std::size_t i) {
    taken[i] = send_signal(controller, victims[i], kBreachRule);
    if (taken[i].is_durable() && ++accepted == count / 2) controller.kill();
  });
  bench.home.start();
  const MonotonicTime deadline = bench.clock.monotonic() + kPatience;
  std::set<std::string> incidents;
  for (const auto& incident : bench.cluster.incidents()) incidents.insert(support::name_of(incident));
  std::size_t without_incident = 0;
  std::size_t not_contained = 0;
  for (std::size_t i = 0; i < victims.size(); ++i) {
    if (!taken[i].is_durable()) continue;  // its sensor knows that it was not accepted
    if (!incidents.contains(taken[i].incident)) ++without_incident;
    if (!bench.watch.wait(victims[i].uid, deadline)) ++not_contained;
  }
  bench.report.heading(fmt::format("kill -9 in the middle of a burst of {} signals, and a new start", count));
  bench.report.figure("accepted before the kill", std::to_string(accepted));
  bench.report.figure("of these without an incident", double(without_incident), "", at_most(0, ""));
  bench.report.figure("of these not contained", double(not_contained), "", at_most(0, ""));
  if (without_incident + not_contained > 0) bench.report.failure("accepted signals were lost over kill -9");
}

}  // namespace kintsugi::bench
