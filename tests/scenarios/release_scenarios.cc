// SPDX-License-Identifier: Apache-2.0
//
// Scenarios 25, 26: false alarms, and what goes away while an incident is open.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "checks.h"
#include "metrics_page.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

/// A contained victim whose incident stays open.
std::string contain(Scenario& scenario, const json& victim) {
  PlaybookText playbook;
  playbook.verify = "{readySeconds: 30, quietSeconds: 600}";
  scenario.write_playbook(playbook);
  scenario.start();
  const std::string name = scenario.breach(victim);
  scenario.eventually_condition(name, "Recovered", "True");
  return name;
}

/// The records of the ledger, by the UID of their incident.
json ledger(Scenario& scenario) {
  k8s::ListParams params;
  params.label_selector = "kintsugi.dev/ledger=true";
  const auto shards = scenario.client().list(k8s::kConfigMaps, scenario.system(), params);
  REQUIRE(shards);
  json records = json::object();
  for (const json& shard : *shards) records.update(shard["data"]);
  return records;
}

/// The ledger has the incident's times and nothing else; returns its records.
json check_folded_once(Scenario& scenario, const json& incident) {
  json records = ledger(scenario);
  REQUIRE(records.size() == 1);
  CHECK(records.begin().key() == uid_of(incident));
  const json record = json::parse(records.begin()->get<std::string>());
  CHECK(record["name"] == name_of(incident));
  for (const char* stamp : {"detected", "acknowledged", "contained", "redeployed", "recovered", "closed"}) {
    INFO(stamp);
    CHECK(record.value(stamp, "") == incident["status"]["times"].value(stamp, ""));
  }
  return records;
}

json wait_until_released(Scenario& scenario, const std::string& name) {
  const json incident = scenario.eventually_condition(name, "Closed", "True", "Released");
  CHECK(status_text(incident, "outcome") == "released");
  CHECK(status_text(incident, "stage") == "Released");
  CHECK(count_in_timeline(incident, "Released by alice") == 1);
  return incident;
}

}  // namespace

TEST_CASE("25: a release gives the labels back, and the replacement leaves", "[scenario]") {
  Scenario scenario;
  const Image image = scenario.open_shop();
  const json victim = scenario.pods_of("web").at(0);
  const Bystanders bystanders(scenario, victim);
  const std::string name = contain(scenario, victim);
  const auto with_replacement = scenario.pods_of("web");

  scenario.release(name, "restore");
  const json incident = wait_until_released(scenario, name);

  CHECK(journal_ids(incident, "undone") == std::vector<std::string>{"release/restore"});
  scenario.eventually("the shop has its three old pods", [&] {
    const auto pods = scenario.pods_of("web");
    return pods.size() == 3 && scenario.serving("web").size() == 3 &&
           std::any_of(pods.begin(), pods.end(),
                       [&](const json& pod) { return uid_of(pod) == uid_of(victim); });
  });
  const json restored = scenario.get(k8s::kPods, name_of(victim));
  CHECK(labels_of(restored) == labels_of(victim));
  CHECK(annotations_of(restored) == annotations_of(victim));
  CHECK(identity_of(restored)["spec"] == identity_of(victim)["spec"]);
  CHECK(identity_of(restored)["restarts"] == identity_of(victim)["restarts"]);
  CHECK(restored["metadata"]["ownerReferences"][0]["uid"] == victim["metadata"]["ownerReferences"][0]["uid"]);
  check_shop_is_open(scenario, image.digest);
  bystanders.check_all_unchanged();
  const MetricsPage page(scenario.controller().scrape());
  CHECK(page.at(R"(kintsugi_incidents_closed_total{severity="warning",outcome="released"})") == 1);
  CHECK(page.sum("kintsugi_incident_time_to_recover_seconds_count{") == 0);
}

TEST_CASE("25: a release where the owner has been rolled offers the choice", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  const json victim = scenario.pods_of("web").at(0);
  const std::string name = contain(scenario, victim);
  const Image next = scenario.push_signed("shop/web", "1.1", "web 1.1");
  scenario.patch(k8s::kDeployments, "web",
                 k8s::JsonPatch().replace("/spec/template/spec/containers/0/image", next.by_digest));
  scenario.eventually("the new version has rolled out", [&] {
    const auto pods = scenario.pods_of("web");
    return pods.size() == 3 && std::all_of(pods.begin(), pods.end(), [&](const json& pod) {
             return is_ready(pod) && pod["spec"]["containers"][0]["image"] == next.by_digest;
           });
  });

  scenario.release(name, "restore");
  const json waiting = scenario.eventually_incident(
      name, "asks", [](const json& incident) { return status_text(incident, "awaiting") == "release"; });
  CHECK(status_text(waiting, "awaitingReason").find("--victim leave or --victim delete") !=
        std::string::npos);
  check_quarantined(scenario, victim, name);

  SECTION("leave") {
    scenario.patch(kIncidents, name, k8s::JsonPatch().replace("/spec/release/victim", "leave"));
    wait_until_released(scenario, name);
    check_quarantined(scenario, victim, name);
  }
  SECTION("delete") {
    scenario.patch(kIncidents, name, k8s::JsonPatch().replace("/spec/release/victim", "delete"));
    wait_until_released(scenario, name);
    scenario.eventually("the victim is gone",
                        [&] { return scenario.get(k8s::kPods, name_of(victim)).is_null(); });
  }
  check_shop_is_open(scenario, next.digest);
}

TEST_CASE("25: what an incident that is over has left in quarantine is given back by another", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  const json victim = scenario.pods_of("web").at(0);
  PlaybookText playbook;
  scenario.write_playbook(playbook);
  scenario.start();
  const std::string first = scenario.breach(victim);
  scenario.eventually_condition(first, "Closed", "True");
  check_quarantined(scenario, victim, first);
  playbook.mode = "observe";
  scenario.write_playbook(playbook);
  std::string second;
  scenario.eventually("another incident observes", [&] {
    const json result = scenario.send(falco_event(victim));
    second = result.value("incident", "");
    return result["result"] == "observed";
  });

  scenario.release(second, "restore");
  wait_until_released(scenario, second);

  const json restored = scenario.get(k8s::kPods, name_of(victim));
  CHECK(labels_of(restored) == labels_of(victim));
  CHECK(annotations_of(restored) == annotations_of(victim));
}

TEST_CASE("26: a victim that somebody deletes does not wedge its incident", "[scenario]") {
  Scenario scenario;
  const Image image = scenario.open_shop();
  PlaybookText playbook;
  playbook.verify = "{readySeconds: 30, quietSeconds: 3}";
  scenario.write_playbook(playbook);
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const std::string name = scenario.breach(victim);
  const json contained = scenario.eventually_condition(name, "Recovered", "True");

  scenario.remove(k8s::kPods, name_of(victim));
  scenario.eventually_condition(name, "Contained", "True", "VictimGone");
  const json incident = scenario.eventually_condition(name, "Closed", "True");

  CHECK(time_of(incident, "contained") == time_of(contained, "contained"));
  CHECK(status_text(incident, "outcome") == "recovered");
  CHECK(scenario.get(k8s::kPods, name_of(victim)).is_null());
  check_shop_is_open(scenario, image.digest);
  check_observed_once(scenario, incident);

  // Deleting a closed incident takes nothing from what was measured.
  const MetricsPage before(scenario.controller().scrape());
  scenario.remove(kIncidents, name);
  scenario.eventually("the incident is gone", [&] { return scenario.incident(name).is_null(); });
  check_folded_once(scenario, incident);
  check_observed_once(scenario, incident);
  CHECK(MetricsPage(scenario.controller().scrape()).fallen_since(before).empty());
}

TEST_CASE("26: an incident that somebody deletes is folded into the ledger once, and goes", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  const json victim = scenario.pods_of("web").at(0);
  const std::string name = contain(scenario, victim);
  const json before = scenario.incident(name);

  scenario.remove(kIncidents, name);
  scenario.eventually("the incident is gone", [&] { return scenario.incident(name).is_null(); });

  const auto records = check_folded_once(scenario, before);
  scenario.holds_for(500ms, "it stays gone, and is there once",
                     [&] { return scenario.incident(name).is_null() && ledger(scenario) == records; });
  const MetricsPage page(scenario.controller().scrape());
  CHECK(page.sum("kintsugi_incidents_total{") == 1);
  CHECK(page.sum("kintsugi_incident_time_to_contain_seconds_count{") == 1);
  CHECK(page.sum("kintsugi_open_incidents{") == 0);
  check_quarantined(scenario, victim, name);
}

TEST_CASE("26: a namespace that is deleted under an incident does not wedge", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  const json victim = scenario.pods_of("web").at(0);
  const std::string name = contain(scenario, victim);

  REQUIRE(scenario.client().remove(k8s::kNamespaces, {"", scenario.shop()}));
  scenario.eventually(
      "the namespace is gone",
      [&] {
        const auto name_space = scenario.client().get(k8s::kNamespaces, {"", scenario.shop()});
        return !name_space && name_space.error().code == ErrorCode::kNotFound;
      },
      40s);
  const json incident = scenario.eventually_condition(name, "Contained", "True", "VictimGone");
  CHECK(condition_status(incident, "Closed").empty());
  const json last = scenario.eventually_condition(name, "Redeployed", "False", "OwnerGone");
  scenario.remove(kIncidents, name);
  scenario.eventually("the incident is gone", [&] { return scenario.incident(name).is_null(); });
  check_folded_once(scenario, last);
}

}  // namespace kintsugi::scenarios
