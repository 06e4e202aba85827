// SPDX-License-Identifier: Apache-2.0
//
// What becomes of the victim after its incident is over, as the playbook's release step says.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "checks.h"
#include "tests/faults/proxy.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

/// An incident that is over, and whose victim is due.
std::string close_incident(Scenario& scenario, const json& victim) {
  const std::string name = scenario.breach(victim);
  scenario.eventually_condition(name, "Closed", "True");
  return name;
}

json open_shop_with_release(Scenario& scenario, const std::string& release) {
  PlaybookText playbook;
  playbook.release = release;
  scenario.write_playbook(playbook);
  scenario.open_shop();
  scenario.start();
  return scenario.pods_of("web").at(0);
}

bool is_gone(Scenario& scenario, const json& pod) {
  const json now = scenario.get(k8s::kPods, name_of(pod));
  return now.is_null() || uid_of(now) != uid_of(pod) || now["metadata"].contains("deletionTimestamp");
}

}  // namespace

TEST_CASE("a victim is deleted when the playbook says so, and only then", "[scenario]") {
  Scenario scenario;
  const json victim = open_shop_with_release(scenario, "{victim: delete, afterSeconds: 2}");
  const std::string name = close_incident(scenario, victim);
  CHECK_FALSE(is_gone(scenario, victim));
  scenario.eventually("the victim is gone", [&] { return is_gone(scenario, victim); });
  CHECK(scenario.pods_of("web").size() == 3);
  scenario.eventually_incident(name, "recorded", [](const json& incident) {
    return count_in_timeline(incident, "The victim was deleted") == 1;
  });
}

TEST_CASE("a deletion that wants approval waits for it after the end", "[scenario]") {
  Scenario scenario;
  const json victim =
      open_shop_with_release(scenario, "{victim: delete, afterSeconds: 0, requireApproval: true}");
  const std::string name = close_incident(scenario, victim);
  scenario.eventually_incident(
      name, "asked", [](const json& incident) { return status_text(incident, "awaiting") == "release"; });
  scenario.holds_for(1500ms, "the victim stays", [&] { return !is_gone(scenario, victim); });

  SECTION("given") {
    scenario.decide(name, "release", true);
    scenario.eventually("the victim is gone", [&] { return is_gone(scenario, victim); });
  }
  SECTION("denied") {
    scenario.decide(name, "release", false);
    scenario.eventually_incident(
        name, "answered", [](const json& incident) { return status_text(incident, "awaiting").empty(); });
    scenario.holds_for(1500ms, "the victim stays", [&] { return !is_gone(scenario, victim); });
    check_quarantined(scenario, victim, name);
  }
}

TEST_CASE("a deletion that is refused is not tried again and again", "[scenario]") {
  Scenario scenario;
  faults::Rule refused;
  refused.fault = {.kind = faults::Fault::Kind::kAnswer, .status = 403};
  refused.method = "DELETE";
  refused.path_part = "/pods/";
  scenario.proxy().begin({refused});
  const json victim = open_shop_with_release(scenario, "{victim: delete, afterSeconds: 0}");
  const std::string name = close_incident(scenario, victim);
  scenario.eventually_incident(name, "planned", [](const json& incident) {
    return journal_ids(incident, "planned") == std::vector<std::string>{"release/delete"};
  });
  scenario.holds_for(1500ms, "the victim stays", [&] { return !is_gone(scenario, victim); });
  const auto calls = scenario.proxy().calls();
  CHECK(std::count_if(calls.begin(), calls.end(),
                      [](const faults::Call& call) { return call.method == "DELETE"; }) <= 4);
}

TEST_CASE("a victim whose labels somebody has given back is not deleted", "[scenario]") {
  Scenario scenario;
  const json victim = open_shop_with_release(scenario, "{victim: delete, afterSeconds: 3}");
  const std::string name = close_incident(scenario, victim);
  scenario.patch(k8s::kPods, name_of(victim),
                 k8s::JsonPatch().remove("/metadata/labels/kintsugi.dev~1quarantine"));
  scenario.eventually_incident(name, "says why it does not", [](const json& incident) {
    return count_in_timeline(incident, "not in this incident's quarantine") == 1;
  });
  scenario.holds_for(1500ms, "the pod stays", [&] { return !is_gone(scenario, victim); });
}

}  // namespace kintsugi::scenarios
