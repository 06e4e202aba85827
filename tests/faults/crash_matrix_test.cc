// SPDX-License-Identifier: Apache-2.0
//
// Scenario 27: kill -9 before and after each API call of a story, and the end is the same as without.
#include <catch2/catch.hpp>

#include <iostream>

#include "tests/faults/play.h"
#include "tests/support/parallel.h"

using namespace kintsugi;
using namespace kintsugi::faults;

namespace {

Ending play_on_sandbox(const Story& story, const PlayOptions& options) {
  const auto cluster = Cluster::start_sandbox();
  return play(*cluster, story, options);
}

/// A call that only reads leaves the same world whether it was made or not: one kill is enough.
std::vector<KillPoint> kill_points(const std::vector<Call>& calls) {
  std::vector<KillPoint> points;
  for (const Call& call : calls) {
    if (call.is_watch) continue;
    if (call.method != "GET") points.push_back({call.number, false});
    points.push_back({call.number, true});
  }
  return points;
}

void play_matrix(const Story& story) {
  const Ending undisturbed = play_on_sandbox(story, {});
  {
    INFO(undisturbed.to_string());
    REQUIRE(undisturbed.problems.empty());
  }
  const std::vector<KillPoint> points = kill_points(undisturbed.calls);
  std::vector<Ending> endings(points.size());
  support::in_parallel(kAtOnce, points.size(), [&](std::size_t i) {
    endings[i] = play_on_sandbox(story, {.kill_point = points[i]});
  });
  std::size_t kills = 0;
  std::chrono::milliseconds slowest_start{0};
  for (std::size_t i = 0; i < points.size(); ++i) {
    INFO("story " << story.name << ", killed " << (points[i].after ? "after" : "before") << " call "
                  << points[i].number << "\n"
                  << endings[i].to_string());
    CHECK(endings[i].problems.empty());
    if (endings[i].lives > 1) ++kills;
    slowest_start = std::max(slowest_start, endings[i].slowest_start);
  }
  std::cout << "story " << story.name << ": " << kills << " kills at " << undisturbed.calls.size()
            << " calls, undisturbed " << undisturbed.took.count() << " ms, slowest start "
            << slowest_start.count() << " ms" << std::endl;
  CHECK(kills >= points.size() / 2);  // the order of calls varies a little, and a few may not come
}

}  // namespace

TEST_CASE("killed at any call, the controller still brings the service back from a prepared template",
          "[crash]") {
  play_matrix(kPreparedTemplate);
}

TEST_CASE("killed at any call, the controller still pins a template that names a tag, once", "[crash]") {
  play_matrix(kTemplateByTag);
}

TEST_CASE("killed at any call, the controller still recreates a bare pod, once", "[crash]") {
  play_matrix(kBarePod);
}

TEST_CASE("killed at any call, the controller still gives the labels back", "[crash]") {
  play_matrix(kFalseAlarm);
}
