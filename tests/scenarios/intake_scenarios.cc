// SPDX-License-Identifier: Apache-2.0
//
// Scenarios 2, 3, 4, 5, 6, 8, 9: from signals to incidents, once each, and only where something may be done.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "checks.h"
#include "metrics_page.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

/// A playbook whose incidents stay open.
PlaybookText patient() {
  PlaybookText playbook;
  playbook.verify = "{readySeconds: 30, quietSeconds: 600}";
  return playbook;
}

std::map<std::string, std::size_t> count_results(const std::vector<json>& answers) {
  std::map<std::string, std::size_t> counts;
  for (const json& answer : answers)
    for (const json& result : answer.at("results")) ++counts[result.at("result")];
  return counts;
}

std::vector<json> quarantined_pods(Scenario& scenario) {
  return scenario.list(k8s::kPods, "kintsugi.dev/quarantine=true");
}

bool leads(const ControllerProcess& replica) {
  return replica.log().find("\"message\":\"Leading\"") != std::string::npos;
}

/// Posts `body` `times` times to each of the controllers, from as many threads at once.
std::vector<json> post_at_once(const std::vector<ControllerProcess*>& controllers, const std::string& body,
                               std::size_t times) {
  std::vector<json> answers(controllers.size() * times);
  {
    std::vector<std::jthread> senders;
    for (std::size_t i = 0; i < answers.size(); ++i)
      senders.emplace_back([&, i] {
        const auto answer = controllers[i % controllers.size()]->post(body);
        answers[i] = answer.status == 202 ? json::parse(answer.body) : json{{"results", json::array()}};
      });
  }
  return answers;
}

}  // namespace

TEST_CASE("2: the same event fifty times at once is one incident, and repeats are counted", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  scenario.write_playbook(patient());
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const Bystanders bystanders(scenario, victim);

  const auto answers = post_at_once({&scenario.controller()}, falco_event(victim).dump(), 50);

  const auto counts = count_results(answers);
  CHECK(counts.at("opened") == 1);
  CHECK(counts.at("duplicate") == 49);
  REQUIRE(scenario.incidents().size() == 1);
  const std::string name = name_of(scenario.incidents().front());
  const json incident = scenario.eventually_incident(name, "has counted", [](const json& incident) {
    return condition_status(incident, "Recovered") == "True" &&
           incident["status"]["signals"][0]["count"] == 50;
  });
  CHECK(incident["status"]["signals"].size() == 1);
  CHECK(count_in_timeline(incident, "Opened by signal") == 1);
  CHECK(count_in_timeline(incident, "Contained=True") == 1);
  CHECK(quarantined_pods(scenario).size() == 1);
  check_quarantined(scenario, victim, name);
  CHECK(scenario.pods_of("web").size() == 3);
  bystanders.check_all_unchanged();
}

TEST_CASE("2: an array with repeats is one incident for each pod", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  scenario.write_playbook(patient());
  scenario.start();
  const auto pods = scenario.pods_of("web");
  const json first = falco_event(pods.at(0));
  const json second = falco_event(pods.at(1));

  const auto answer = scenario.controller().post(json::array({first, second, first, first, second}).dump());

  REQUIRE(answer.status == 202);
  const json results = json::parse(answer.body)["results"];
  const std::vector<std::string> expected{"opened", "opened", "duplicate", "duplicate", "duplicate"};
  REQUIRE(results.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(results[i]["result"] == expected[i]);
  CHECK(results[2]["incident"] == results[0]["incident"]);
  CHECK(results[4]["incident"] == results[1]["incident"]);
  CHECK(scenario.incidents().size() == 2);
  for (std::size_t i = 0; i < 2; ++i)
    scenario.eventually_incident(results[i]["incident"], "has counted", [&](const json& incident) {
      return condition_status(incident, "Recovered") == "True" &&
             incident["status"]["signals"][0]["count"] == (i == 0 ? 3 : 2);
    });
  CHECK(quarantined_pods(scenario).size() == 2);
}

TEST_CASE("2: the same event to two replicas at once is one incident", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  scenario.write_playbook(patient());
  ControllerProcess& first = scenario.start(true);
  ControllerProcess& second = scenario.start(true);
  scenario.eventually("one replica leads", [&] { return leads(first) || leads(second); });
  const json victim = scenario.pods_of("web").at(0);
  const Bystanders bystanders(scenario, victim);

  const auto answers = post_at_once({&first, &second}, falco_event(victim).dump(), 10);

  const auto counts = count_results(answers);
  CHECK(counts.at("opened") == 1);
  CHECK(counts.at("duplicate") == 19);
  REQUIRE(scenario.incidents().size() == 1);
  const std::string name = name_of(scenario.incidents().front());
  const json incident = scenario.eventually_condition(name, "Recovered", "True");
  CHECK(count_in_timeline(incident, "Contained=True") == 1);
  CHECK(incident["status"]["signals"].size() == 1);
  CHECK(quarantined_pods(scenario).size() == 1);
  check_quarantined(scenario, victim, name);
  bystanders.check_all_unchanged();

  // Whoever leads hands the lease on when it ends.
  ControllerProcess& leader = leads(first) ? first : second;
  ControllerProcess& follower = leads(first) ? second : first;
  CHECK(leader.stop() == 0);
  scenario.eventually("the other replica leads", [&] { return leads(follower); }, 5s);
}

TEST_CASE("3: the same text about two pods is two incidents; a cap makes the second wait", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  PlaybookText playbook = patient();
  const bool has_cap = GENERATE(false, true);
  if (has_cap) playbook.guards = "{maxTargetsPerWorkload: 1}";
  scenario.write_playbook(playbook);
  scenario.start();
  const auto pods = scenario.pods_of("web");

  const std::string first = scenario.breach(pods.at(0));
  scenario.eventually_condition(first, "Contained", "True");
  const std::string second = scenario.breach(pods.at(1));
  CHECK(first != second);
  if (has_cap) {
    const json waiting = scenario.eventually_condition(second, "Contained", "False", "AwaitingApproval");
    CHECK(status_text(waiting, "awaiting") == "contain");
    CHECK(status_text(waiting, "stage") == "AwaitingApproval");
    CHECK(condition_message(waiting, "Contained").find("maxTargetsPerWorkload is 1") != std::string::npos);
    check_untouched(scenario, pods.at(1));
    scenario.decide(second, "contain", true);
  }
  const json incident = scenario.eventually_condition(second, "Recovered", "True");
  CHECK(condition_status(incident, "Contained") == "True");
  CHECK(status_text(incident, "awaiting").empty());
  scenario.eventually_condition(first, "Recovered", "True");
  check_quarantined(scenario, pods.at(0), first);
  check_quarantined(scenario, pods.at(1), second);
  check_untouched(scenario, pods.at(2));
}

TEST_CASE("4: a signal that joins before any leader has begun the incident is kept", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  PlaybookText cautious = patient();
  cautious.name = "cautious";
  cautious.mode = "contain-only";
  scenario.write_playbook(cautious);
  PlaybookText stronger = patient();
  stronger.name = "stronger";
  stronger.rule = "Reverse shell";
  scenario.write_playbook(stronger);
  // Somebody else leads, who does nothing.
  const json lease = {{"apiVersion", "coordination.k8s.io/v1"},
                      {"kind", "Lease"},
                      {"metadata", {{"name", "kintsugi-controller"}, {"namespace", scenario.system()}}},
                      {"spec",
                       {{"holderIdentity", "somebody"},
                        {"leaseDurationSeconds", 3600},
                        {"acquireTime", "2026-01-01T00:00:00.000000Z"},
                        {"renewTime", "2026-01-01T00:00:00.000000Z"},
                        {"leaseTransitions", 1}}}};
  REQUIRE(scenario.client().create(k8s::kLeases, scenario.system(), lease));
  scenario.start(/*leader_elect=*/true);
  const json victim = scenario.pods_of("web").at(0);
  const std::string name = scenario.breach(victim);
  json event = falco_event(victim);
  event["rule"] = "Reverse shell";
  event["priority"] = "Critical";
  CHECK(scenario.send(event)["result"] == "joined");
  scenario.eventually("the replica that took the signal has contained",
                      [&] { return is_quarantined(scenario.get(k8s::kPods, name_of(victim))); });

  k8s::JsonPatch resign;
  resign.replace("/spec/holderIdentity", "");
  REQUIRE(scenario.client().patch(k8s::kLeases, {scenario.system(), "kintsugi-controller"}, resign));
  const json incident = scenario.eventually_condition(name, "Recovered", "True", "", 30s);
  CHECK(status_text(incident, "severity") == "critical");
  CHECK(status_text(incident, "playbook") == "stronger");
  CHECK(status_text(incident, "mode") == "full");
  CHECK(incident["status"]["signals"].size() == 2);
  CHECK(count_in_timeline(incident, "Joined by signal") == 1);
  CHECK(incident["status"]["times"].contains("detected"));
}

TEST_CASE("4: another rule about the same pod joins the open incident and raises its severity",
          "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  PlaybookText playbook = patient();
  playbook.rule = "*";
  scenario.write_playbook(playbook);
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const std::string name = scenario.breach(victim);
  scenario.eventually_condition(name, "Recovered", "True");
  const json isolated = scenario.get(k8s::kPods, name_of(victim));

  json event = falco_event(victim);
  event["rule"] = "Reverse shell";
  event["priority"] = "Critical";
  const json result = scenario.send(event);

  CHECK(result["result"] == "joined");
  CHECK(result["incident"] == name);
  const json incident = scenario.eventually_incident(name, "is critical", [](const json& incident) {
    return status_text(incident, "severity") == "critical";
  });
  CHECK(incident["status"]["signals"].size() == 2);
  CHECK(count_in_timeline(incident, "Joined by signal") == 1);
  scenario.holds_for(500ms, "the victim is not written again", [&] {
    const json now = scenario.get(k8s::kPods, name_of(victim));
    return now["metadata"]["labels"] == isolated["metadata"]["labels"] &&
           now["metadata"]["annotations"] == isolated["metadata"]["annotations"];
  });
  CHECK(identity_of(scenario.get(k8s::kPods, name_of(victim))) == identity_of(isolated));
  CHECK(scenario.incidents().size() == 1);
  CHECK(journal_ids(incident, "applied").size() == 1);
}

TEST_CASE("5: after the closing, a newer event opens a generation and an older one is late", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const std::string first = scenario.breach(victim);
  scenario.eventually_condition(first, "Closed", "True");
  wait_until_controller_knows_closing(scenario);
  const json before = scenario.incident(first);

  const json late = scenario.send(falco_event(victim, 1min));
  CHECK(late["result"] == "late");
  CHECK(late["incident"] == first);
  const MetricsPage page(scenario.controller().scrape());
  CHECK(page.at(R"(kintsugi_signals_total{disposition="late",source="falco"})") == 1);
  CHECK(scenario.incidents().size() == 1);
  CHECK(scenario.incident(first)["status"]["conditions"] == before["status"]["conditions"]);
  CHECK(scenario.incident(first)["status"]["times"] == before["status"]["times"]);

  const std::string second = scenario.breach(victim);
  CHECK(second != first);
  CHECK(second.substr(0, second.rfind('-')) == first.substr(0, first.rfind('-')));
  CHECK(second.ends_with("-2"));
  const json incident = scenario.eventually_condition(second, "Closed", "True");
  CHECK(condition_status(incident, "Contained") == "True");
  check_quarantined(scenario, victim, second);
  CHECK(scenario.pods_of("web").size() == 3);
  CHECK(scenario.incidents().size() == 2);
}

}  // namespace kintsugi::scenarios
