// SPDX-License-Identifier: Apache-2.0
#include "controller/sweep_budget.h"

#include <catch2/catch.hpp>

namespace kintsugi::controller {
namespace {

using namespace std::chrono_literals;

struct Fixture {
  std::chrono::nanoseconds turn(const std::string& workload, const std::string& registry,
                                std::size_t images = 1) {
    return budget.turn(workload, std::vector<std::string>(images, registry + "/shop/web:1"));
  }

  ManualClock clock;
  SweepBudget budget{6, clock};  // one in ten seconds
};

}  // namespace

TEST_CASE("a minute's worth of images may be asked about at once, and then one by one") {
  Fixture fixture;
  for (int i = 0; i < 6; ++i) CHECK(fixture.turn("early" + std::to_string(i), "a.example") == 0s);
  CHECK(fixture.turn("late", "a.example") == 10s);
  CHECK(fixture.turn("later", "a.example") == 20s);
  CHECK(fixture.turn("late", "a.example") == 10s);  // it keeps its turn, and takes no other
  fixture.clock.advance(10s);
  CHECK(fixture.turn("late", "a.example") == 0s);
  CHECK(fixture.turn("later", "a.example") == 10s);
  fixture.clock.advance(10s);
  CHECK(fixture.turn("later", "a.example") == 0s);
  CHECK(fixture.turn("late", "a.example") == 10s);  // the next time is another turn
}

TEST_CASE("registries do not wait for each other, and a workload waits for all of its own") {
  Fixture fixture;
  CHECK(fixture.turn("all", "a.example", 6) == 0s);
  CHECK(fixture.turn("other", "b.example") == 0s);
  CHECK(fixture.budget.turn("both", {"b.example/x:1", "a.example/x:1"}) == 10s);
}

TEST_CASE("a workload with more images than a minute allows gets its turn, and pays for all of them") {
  Fixture fixture;
  CHECK(fixture.turn("large", "a.example", 12) == 60s);
  CHECK(fixture.turn("next", "a.example") == 70s);
  fixture.clock.advance(60s);
  CHECK(fixture.turn("large", "a.example", 12) == 0s);
}

TEST_CASE("a registry that wants to be left alone is") {
  Fixture fixture;
  fixture.budget.pause("a.example/shop/web:1", 30s);
  CHECK(fixture.turn("one", "a.example") == 40s);
  CHECK(fixture.turn("one of another", "b.example") == 0s);
  fixture.budget.pause("a.example/shop/web:1", 1s);  // does not take the longer one back
  CHECK(fixture.turn("two", "a.example") == 50s);
}

TEST_CASE("what is no image, and no limit, cost nothing") {
  Fixture fixture;
  CHECK(fixture.budget.turn("odd", std::vector<std::string>(100, "not an image")) == 0s);
  CHECK(fixture.turn("good", "a.example", 6) == 0s);
  SweepBudget endless(0, fixture.clock);
  endless.pause("a.example/shop/web:1", 30s);
  for (int i = 0; i < 1000; ++i) CHECK(endless.turn("w", {"a.example/shop/web:1"}) == 0s);
}

TEST_CASE("a workload that went away leaves no turn behind") {
  Fixture fixture;
  CHECK(fixture.turn("first", "a.example", 6) == 0s);
  CHECK(fixture.turn("gone", "a.example") == 10s);
  fixture.budget.forget("gone");
  CHECK(fixture.turn("gone", "a.example") == 20s);
}

}  // namespace kintsugi::controller
