// SPDX-License-Identifier: Apache-2.0
#include "admission/guarded_namespaces.h"

#include <catch2/catch.hpp>

#include "model/incident.h"

namespace kintsugi::admission {
namespace {

using namespace std::chrono_literals;
using Names = std::set<std::string>;

const WallTime kNow(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22));

std::shared_ptr<Incident> incident_in(const std::string& name_space, Mode mode = Mode::kFull) {
  auto incident = std::make_shared<Incident>();
  incident->spec.target.name_space = name_space;
  incident->spec.mode = mode;
  incident->status.mode = mode;
  return incident;
}

std::shared_ptr<Incident> ended(Outcome outcome, std::chrono::seconds ago) {
  auto incident = incident_in("shop");
  incident->status.outcome = outcome;
  incident->status.times.closed = kNow - ago;
  return incident;
}

GuardedNamespaces find(const std::vector<std::shared_ptr<const Incident>>& incidents,
                       NamespaceRule rule = {true, ""}) {
  return find_guarded_namespaces(
      incidents, [&](const std::string&) { return rule; }, {"kintsugi-system", 24h}, kNow);
}

}  // namespace

TEST_CASE("a protected namespace is guarded while an incident that changes something is under way") {
  CHECK(find({incident_in("shop"), incident_in("bank", Mode::kContainOnly)}).fail_open ==
        Names{"shop", "bank"});
  CHECK(find({incident_in("shop", Mode::kObserve)}) == GuardedNamespaces{});
  CHECK(find({incident_in("shop", Mode::kOff)}) == GuardedNamespaces{});
  CHECK(find({incident_in("shop")}, {false, ""}) == GuardedNamespaces{});
  CHECK(find({incident_in("kintsugi-system")}) == GuardedNamespaces{});
  auto unreadable = incident_in("shop");
  unreadable->problem = "spec.target: missing";
  CHECK(find({unreadable}) == GuardedNamespaces{});
}

TEST_CASE("it is guarded for a while after, unless it was a false alarm") {
  for (const Outcome outcome : {Outcome::kRecovered, Outcome::kContained, Outcome::kFailed}) {
    CHECK(find({ended(outcome, 23h)}).fail_open == Names{"shop"});
    CHECK(find({ended(outcome, 24h)}) == GuardedNamespaces{});
  }
  CHECK(find({ended(Outcome::kReleased, 1s)}) == GuardedNamespaces{});
  CHECK(find({ended(Outcome::kReleased, 1s), incident_in("shop")}).fail_open == Names{"shop"});
}

TEST_CASE("the namespace says what becomes of pods that nobody can judge") {
  CHECK(find({incident_in("shop")}, {true, "fail-closed"}) == GuardedNamespaces{{}, {"shop"}, {}});
  CHECK(find({incident_in("shop")}, {true, "fail-open"}) == GuardedNamespaces{{"shop"}, {}, {}});
  CHECK(find({incident_in("shop")}, {true, "fail-close"}) == GuardedNamespaces{{"shop"}, {}, {"shop"}});
}

}  // namespace kintsugi::admission
