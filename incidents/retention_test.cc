// SPDX-License-Identifier: Apache-2.0
#include "incidents/retention.h"

#include <catch2/catch.hpp>

using namespace kintsugi;
using namespace kintsugi::incidents;
using namespace std::chrono_literals;

namespace {

constexpr WallTime kNow{std::chrono::seconds(1'767'225'600)};

/// An incident about `target` that was closed `age` ago; open without an age.
Incident incident(const std::string& name, const std::string& target,
                  std::optional<std::chrono::hours> age = std::nullopt) {
  Incident out;
  out.name = name;
  out.spec.target.uid = target;
  out.created = kNow - age.value_or(0h) - 1h;
  if (!age) return out;
  out.status.outcome = Outcome::kRecovered;
  out.status.times.closed = kNow - *age;
  return out;
}

std::vector<std::string> planned(const std::vector<Incident>& incidents, const Retention& retention,
                                 const RetentionFacts& facts = {}) {
  std::vector<IncidentStore::Pointer> pointers;
  for (const Incident& one : incidents) pointers.push_back(std::make_shared<const Incident>(one));
  std::vector<std::string> names;
  for (const auto& one : plan_retention(pointers, facts, retention, kNow)) names.push_back(one->name);
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("what ended longer ago than the retention may go, the oldest first") {
  const std::vector<Incident> all{incident("b-1", "b", 49h), incident("a-1", "a", 72h),
                                  incident("c-1", "c", 48h), incident("d-1", "d", 47h), incident("e-1", "e")};
  CHECK(planned(all, {48h, 0}) == Names{"a-1", "b-1", "c-1"});
  CHECK(planned(all, {0s, 0}).empty());
}

TEST_CASE("beyond the greatest number the oldest may go") {
  const std::vector<Incident> all{incident("a-1", "a", 3h), incident("b-1", "b", 2h),
                                  incident("c-1", "c", 1h), incident("d-1", "d")};
  CHECK(planned(all, {0s, 3}).empty());
  CHECK(planned(all, {0s, 2}) == Names{"a-1"});
  CHECK(planned(all, {0s, 1}) == Names{"a-1", "b-1"});
  CHECK(planned(all, {1h, 2}) == Names{"a-1", "b-1", "c-1"});
}

TEST_CASE(
    "the newest incident of a target that is present stays, however old, and the next one goes for it") {
  const std::vector<Incident> all{incident("a-9", "a", 900h), incident("a-10", "a", 800h),
                                  incident("b-1", "b", 700h), incident("c-1", "c", 600h)};
  CHECK(planned(all, {1h, 0}, {{"a"}, {}}) == Names{"a-9", "b-1", "c-1"});
  CHECK(planned(all, {0s, 2}, {{"a"}, {}}) == Names{"a-9", "b-1"});
  CHECK(planned(all, {1h, 0}, {{"a", "b", "c"}, {}}) == Names{"a-9"});
}

TEST_CASE("two incidents of a target from the same second are told apart by their generations") {
  std::vector<Incident> all{incident("a-10", "a", 5h), incident("a-9", "a", 5h)};
  CHECK(planned(all, {1h, 0}, {{"a"}, {}}) == Names{"a-9"});
}

TEST_CASE("an older incident of a target may go while a newer one is open") {
  const std::vector<Incident> all{incident("a-1", "a", 900h), incident("a-2", "a")};
  CHECK(planned(all, {1h, 0}, {{"a"}, {}}) == Names{"a-1"});
}

TEST_CASE("what is busy, held by a person, on its way out, or open never goes") {
  Incident held = incident("held-1", "b", 900h);
  held.spec.hold = true;
  Incident leaving = incident("leaving-1", "c", 900h);
  leaving.being_deleted = true;
  Incident open = incident("open-1", "d");
  open.created = kNow - 9000h;
  CHECK(planned({incident("busy-1", "a", 900h), held, leaving, open}, {1h, 1}, {{}, {"busy-1"}}).empty());
}

TEST_CASE("an end without a stamp is taken to be the beginning") {
  Incident failed = incident("a-1", "a", 10h);
  failed.status.outcome = Outcome::kFailed;
  failed.status.times.closed.reset();
  CHECK(planned({failed}, {11h, 0}) == Names{"a-1"});
  CHECK(planned({failed}, {12h, 0}).empty());
}
