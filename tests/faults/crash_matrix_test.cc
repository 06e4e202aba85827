// SPDX-License-Identifier: Apache-2.0
//
// Scenario 27: kill -9 before and after each API call of a story, and the end is the same as without.
#include <catch2/catch.hpp>

#include <atomic>
#include <iostream>
#include <mutex>
#include <thread>

#include "tests/faults/play.h"

using namespace kintsugi;
using namespace kintsugi::faults;

namespace {

/// Plays are mostly waiting, so that many go on at once.
constexpr unsigned kAtOnce = 6;

struct Played {
  KillPoint point;
  Ending ending;
};

Ending play_on_sandbox(const Story& story, const PlayOptions& options) {
  const auto cluster = Cluster::start_sandbox();
  return play(*cluster, story, options);
}

std::size_t count_calls(const Ending& ending) {
  std::size_t count = 0;
  for (const Call& call : ending.calls) count = std::max(count, call.number);
  return count;
}

std::vector<Played> play_all(const Story& story, const std::vector<KillPoint>& points) {
  std::vector<Played> played(points.size());
  std::atomic<std::size_t> next{0};
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < kAtOnce; ++i) {
    threads.emplace_back([&] {
      for (std::size_t mine = next++; mine < points.size(); mine = next++) {
        PlayOptions options;
        options.kill_point = points[mine];
        played[mine] = {points[mine], play_on_sandbox(story, options)};
      }
    });
  }
  threads.clear();
  return played;
}

void play_matrix(const Story& story) {
  const Ending undisturbed = play_on_sandbox(story, {});
  INFO(undisturbed.to_string());
  REQUIRE(undisturbed.problems.empty());
  const std::size_t calls = count_calls(undisturbed);
  std::vector<KillPoint> points;
  for (std::size_t number = 1; number <= calls; ++number) {
    points.push_back({number, false});
    points.push_back({number, true});
  }
  std::size_t kills = 0;
  std::chrono::milliseconds slowest_start{0};
  for (const Played& played : play_all(story, points)) {
    INFO("story " << story.name << ", killed " << (played.point.after ? "after" : "before") << " call "
                  << played.point.number << "\n"
                  << played.ending.to_string());
    CHECK(played.ending.problems.empty());
    if (played.ending.lives > 1) ++kills;
    slowest_start = std::max(slowest_start, played.ending.slowest_start);
  }
  std::cout << "story " << story.name << ": " << kills << " kills at " << calls << " calls, slowest start "
            << slowest_start.count() << " ms\n";
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
