// SPDX-License-Identifier: Apache-2.0
//
// What people decide: an answer counts for the question that was asked, and for no other.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "checks.h"
#include "responder.h"
#include "tests/faults/proxy.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr const char* kQuarantinePolicy = "kintsugi-quarantine";

void let_everything_out(Scenario& scenario) {
  scenario.create(
      k8s::kNetworkPolicies,
      {{"metadata", {{"name", "allow-all"}, {"namespace", scenario.shop()}}},
       {"spec",
        {{"podSelector", json::object()}, {"policyTypes", {"Egress"}}, {"egress", {json::object()}}}}});
}

json wait_until_asked(Scenario& scenario, const std::string& name, const std::string& step,
                      const std::string& why) {
  return scenario.eventually_incident(name, "asks about " + why, [&](const json& incident) {
    return status_text(incident, "awaiting") == step &&
           status_text(incident, "awaitingReason").find(why) != std::string::npos;
  });
}

void stays_open(Scenario& scenario, const std::string& name) {
  scenario.holds_for(2500ms, "the incident stays open",
                     [&] { return condition_status(scenario.incident(name), "Closed").empty(); });
}

json open_shop_and_start(Scenario& scenario, const PlaybookText& playbook) {
  scenario.open_shop();
  scenario.write_playbook(playbook);
  scenario.start();
  return scenario.pods_of("web").at(0);
}

}  // namespace

TEST_CASE("10: a leak that a person does not accept keeps the incident open", "[scenario]") {
  Scenario scenario;
  let_everything_out(scenario);
  const json victim = open_shop_and_start(scenario, {});
  const std::string name = scenario.breach(victim);
  wait_until_asked(scenario, name, "contain", "allow-all");

  responder_runs(scenario, "deny " + name + " --step contain --reason 'close it'");
  wait_until_asked(scenario, name, "contain", "denied to go on");
  stays_open(scenario, name);

  responder_runs(scenario, "approve " + name + " --step contain --reason 'cannot be closed'");
  const json closed = scenario.eventually_condition(name, "Closed", "True");
  CHECK(condition_status(closed, "Contained") == "False");
  CHECK_FALSE(time_of(closed, "contained"));
}

TEST_CASE("3, 10: who lets a containment go ahead has not accepted its leak", "[scenario]") {
  Scenario scenario;
  let_everything_out(scenario);
  PlaybookText playbook;
  playbook.contain = "{requireApproval: true}";
  const json victim = open_shop_and_start(scenario, playbook);
  const std::string name = scenario.breach(victim);
  wait_until_asked(scenario, name, "contain", "approval before containment");
  check_untouched(scenario, victim);

  responder_runs(scenario, "approve " + name + " --step contain --reason go");
  wait_until_asked(scenario, name, "contain", "allow-all");
  check_quarantined(scenario, victim, name);
  stays_open(scenario, name);

  scenario.remove(k8s::kNetworkPolicies, "allow-all");
  const json closed = scenario.eventually_condition(name, "Closed", "True");
  CHECK(condition_status(closed, "Contained") == "True");
}

TEST_CASE("24: a quarantine policy that keeps being deleted is a person's to decide on", "[scenario]") {
  Scenario scenario;
  PlaybookText playbook;
  playbook.verify = "{readySeconds: 30, quietSeconds: 600}";
  const json victim = open_shop_and_start(scenario, playbook);
  const std::string name = scenario.breach(victim);
  scenario.eventually_condition(name, "Recovered", "True");
  const auto is_there = [&] { return scenario.get(k8s::kNetworkPolicies, kQuarantinePolicy).is_object(); };
  for (std::size_t times = 1; times <= 3; ++times) {
    scenario.remove(k8s::kNetworkPolicies, kQuarantinePolicy);
    scenario.eventually_incident(name, "puts it back", [&](const json& incident) {
      return is_there() && incident["status"]["containment"]["reassertions"] == times;
    });
  }
  scenario.remove(k8s::kNetworkPolicies, kQuarantinePolicy);
  scenario.eventually_condition(name, "Contained", "False", "QuarantineRemoved");
  wait_until_asked(scenario, name, "contain", "keeps being removed");

  responder_runs(scenario, "deny " + name + " --step contain --reason 'leave it'");
  wait_until_asked(scenario, name, "contain", "denied to put the quarantine back");
  scenario.holds_for(1500ms, "it stays away", [&] { return !is_there(); });

  responder_runs(scenario, "approve " + name + " --step contain --reason 'put it back'");
  scenario.eventually_condition(name, "Contained", "True");
  CHECK(is_there());
  check_quarantined(scenario, victim, name);
}

TEST_CASE("14: a pin that is denied is not made, and may be approved after all", "[scenario]") {
  Scenario scenario;
  const Image image = start_where_a_pin_waits(scenario);
  const std::string name = scenario.breach(scenario.pods_of("web").at(0));
  wait_until_asked(scenario, name, "redeploy", "pinning");

  responder_runs(scenario, "deny " + name + " --step redeploy --reason 'not now'");
  const json denied = scenario.eventually_condition(name, "Redeployed", "False", "Denied");
  CHECK(status_text(denied, "awaiting").empty());
  CHECK(journal_ids(denied, "applied") == std::vector<std::string>{"contain/isolate"});

  responder_runs(scenario, "approve " + name + " --step redeploy --reason now");
  scenario.eventually_condition(name, "Closed", "True");
  check_shop_is_open(scenario, image.digest);
}

TEST_CASE("an incident that a person holds rests, and goes on when it is resumed", "[scenario]") {
  Scenario scenario;
  PlaybookText playbook;
  playbook.verify = "{readySeconds: 30, quietSeconds: 3}";
  const json victim = open_shop_and_start(scenario, playbook);
  const std::string name = scenario.breach(victim);
  scenario.eventually_condition(name, "Contained", "True");
  // Before a hold can take effect, and the quiet period is over before that too.
  responder_runs(scenario, "hold " + name);
  scenario.eventually_condition(name, "Held", "True", "HeldByPerson");
  scenario.holds_for(6s, "nothing closes it", [&] {
    return status_text(scenario.incident(name), "stage") == "Held" &&
           condition_status(scenario.incident(name), "Closed").empty();
  });
  check_quarantined(scenario, victim, name);

  responder_runs(scenario, "resume " + name);
  scenario.eventually_condition(name, "Closed", "True");
}

TEST_CASE("25: the command opens an incident by hand, and releases it", "[scenario]") {
  Scenario scenario;
  const json victim = open_shop_and_start(scenario, {});
  responder_runs(scenario, "open " + scenario.shop() + "/" + name_of(victim) +
                               " --playbook breach --reason 'looks odd' --yes");
  scenario.eventually("it is there", [&] { return scenario.incidents().size() == 1; });
  const std::string name = name_of(scenario.incidents().at(0));
  scenario.eventually_condition(name, "Recovered", "True");
  check_quarantined(scenario, victim, name);

  responder_runs(scenario, "release " + name + " --victim restore --reason 'it was a drill' --yes");
  scenario.eventually_incident(
      name, "ends", [](const json& incident) { return status_text(incident, "outcome") == "released"; });
  check_untouched(scenario, victim);
}

TEST_CASE("26: a victim that goes before it could be isolated is no bare pod", "[scenario]") {
  Scenario scenario;
  PlaybookText playbook;
  playbook.contain = "{requireApproval: true}";
  const Image image = scenario.open_shop();
  scenario.write_playbook(playbook);
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const std::string name = scenario.breach(victim);
  wait_until_asked(scenario, name, "contain", "approval");
  scenario.remove(k8s::kPods, name_of(victim));

  const json closed = scenario.eventually_condition(name, "Closed", "True", "", 30s);
  CHECK(condition_reason(closed, "Contained") == "VictimGone");
  CHECK(condition_status(closed, "Recovered") == "True");
  check_shop_is_open(scenario, image.digest);
}

TEST_CASE("7: a stronger mode takes over an open incident with the next signal, whatever its rule",
          "[scenario]") {
  Scenario scenario;
  PlaybookText playbook;
  playbook.mode = "observe";
  playbook.verify = "{readySeconds: 30, quietSeconds: 60}";
  const json victim = open_shop_and_start(scenario, playbook);
  const json event = falco_event(victim);
  const std::string name = scenario.send(event)["incident"];
  scenario.eventually_condition(name, "Contained", "False", "ObserveOnly");
  check_untouched(scenario, victim);

  playbook.mode = "full";
  scenario.write_playbook(playbook);
  scenario.eventually("the new playbook is in force and takes over",
                      [&] { return scenario.send(falco_event(victim))["result"] == "joined"; });
  scenario.eventually_condition(name, "Recovered", "True");
  check_quarantined(scenario, victim, name);
}

TEST_CASE("7: the caps of a playbook that takes over open incidents hold for all of them together",
          "[scenario]") {
  Scenario scenario;
  PlaybookText watching;
  watching.mode = "observe";
  watching.verify = "{readySeconds: 30, quietSeconds: 600}";
  scenario.write_playbook(watching);
  PlaybookText capped = watching;
  capped.name = "capped";
  capped.mode = "full";
  capped.rule = "Reverse shell";
  capped.guards = "{maxTargetsPerMinute: 1}";
  scenario.write_playbook(capped);
  scenario.open_shop();
  // While one containment is on its way, the others are judged.
  faults::Rule slow;
  slow.fault.delay = 700ms;
  slow.method = "PATCH";
  slow.path_part = "/pods/web";
  slow.dry_runs = false;
  scenario.proxy().begin({slow});
  scenario.start();
  std::vector<std::string> names;
  for (const json& pod : scenario.pods_of("web"))
    names.push_back(scenario.send(falco_event(pod))["incident"]);
  REQUIRE(names.size() == 3);
  for (const std::string& name : names)
    scenario.eventually_condition(name, "Contained", "False", "ObserveOnly");

  for (const json& pod : scenario.pods_of("web")) {
    json event = falco_event(pod);
    event["rule"] = capped.rule;
    CHECK(scenario.send(event)["result"] == "joined");
  }
  const auto count = [&](const char* status, const char* reason) {
    return std::count_if(names.begin(), names.end(), [&](const std::string& name) {
      const json incident = scenario.incident(name);
      return condition_status(incident, "Contained") == status &&
             (*reason == '\0' || condition_reason(incident, "Contained") == reason);
    });
  };
  scenario.eventually("each is decided",
                      [&] { return count("True", "") + count("False", "AwaitingApproval") == 3; });
  CHECK(count("True", "") == 1);
}

TEST_CASE("5: what is older than a closing is late, also from a sensor's backlog", "[scenario]") {
  Scenario scenario;
  const json victim = open_shop_and_start(scenario, {});
  scenario.eventually_condition(scenario.breach(victim), "Closed", "True");
  wait_until_controller_knows_closing(scenario);
  for (const auto ago : {std::chrono::hours(1), std::chrono::hours(26), std::chrono::hours(24 * 7)})
    CHECK(scenario.send(falco_event(victim, ago))["result"] == "late");
  CHECK(scenario.incidents().size() == 1);
}

TEST_CASE("a container id that is none of the pod's is recorded, and not used", "[scenario]") {
  Scenario scenario;
  const json victim = open_shop_and_start(scenario, {});
  json event = falco_event(victim);
  event["output_fields"]["container.id"] = "feedfacecafe";
  const json result = scenario.send(event);
  REQUIRE(result["result"] == "opened");
  CHECK(result["message"].get<std::string>().find("feedfacecafe") != std::string::npos);
  const json closed = scenario.eventually_condition(result["incident"], "Closed", "True");
  CHECK(count_in_timeline(closed, "feedfacecafe") == 1);
}

}  // namespace kintsugi::scenarios
