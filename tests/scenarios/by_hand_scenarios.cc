// SPDX-License-Identifier: Apache-2.0
//
// Scenario 31: incidents that people write by hand, and what they do to a victim.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "checks.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

/// An Incident as a person writes it.
json written_by_hand(const json& pod, const std::string& name) {
  return {{"apiVersion", "kintsugi.dev/v1alpha1"},
          {"kind", "Incident"},
          {"metadata", {{"name", name}}},
          {"spec",
           {{"target",
             {{"kind", "Pod"},
              {"namespace", pod["metadata"]["namespace"]},
              {"name", name_of(pod)},
              {"uid", uid_of(pod)}}},
            {"playbook", "breach"}}}};
}

void create_incident(Scenario& scenario, const json& incident) {
  const auto created = scenario.client().create(kIncidents, scenario.system(), incident);
  if (!created) FAIL(created.error().to_string());
}

}  // namespace

TEST_CASE("31: an incident that a person writes is treated as opened by a person", "[scenario]") {
  Scenario scenario;
  const Image image = scenario.open_shop();
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const Bystanders bystanders(scenario, victim);

  create_incident(scenario, written_by_hand(victim, "by-hand-1"));
  const json incident = scenario.eventually_condition("by-hand-1", "Closed", "True");

  CHECK(incident["metadata"]["finalizers"] == json::array({"kintsugi.dev/ledger"}));
  CHECK(status_text(incident, "acknowledgedBy") == "person");
  CHECK(count_in_timeline(incident, "Opened by a person") == 1);
  CHECK(status_text(incident, "outcome") == "recovered");
  check_times(incident);
  check_quarantined(scenario, victim, "by-hand-1");
  check_shop_is_open(scenario, image.digest);
  bystanders.check_all_unchanged();
}

TEST_CASE("31: an incident that a person writes about what is never touched fails", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const Bystanders bystanders(scenario, victim);
  json wanted = written_by_hand(victim, "by-hand-1");
  std::string reason = "Refused";
  SECTION("kube-system") {
    wanted["spec"]["target"]["namespace"] = "kube-system";
  }
  SECTION("a namespace that is not protected") {
    wanted["spec"]["target"]["namespace"] = scenario.make_namespace("open", false);
  }
  SECTION("with an unknown playbook") {
    wanted["spec"]["playbook"] = "no-such-playbook";
    reason = "UnknownPlaybook";
  }
  create_incident(scenario, wanted);
  const json incident = scenario.eventually_condition("by-hand-1", "Failed", "True", reason);
  CHECK(status_text(incident, "outcome") == "failed");
  CHECK(status_text(incident, "stage") == "Failed");
  check_untouched(scenario, victim);
  bystanders.check_all_unchanged();
}

TEST_CASE("31: an incident that a person writes is under the same guards", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  PlaybookText playbook;
  playbook.guards = "{maxTargetsPerWorkload: 1}";
  playbook.verify = "{readySeconds: 30, quietSeconds: 600}";
  scenario.write_playbook(playbook);
  scenario.start();
  const auto pods = scenario.pods_of("web");
  const std::string first = scenario.breach(pods.at(0));
  scenario.eventually_condition(first, "Recovered", "True");

  create_incident(scenario, written_by_hand(pods.at(1), "by-hand-1"));
  const json asked = scenario.eventually_condition("by-hand-1", "Contained", "False", "AwaitingApproval");
  CHECK(condition_message(asked, "Contained").find("maxTargetsPerWorkload is 1") != std::string::npos);
  check_untouched(scenario, pods.at(1));

  create_incident(scenario, written_by_hand(pods.at(0), "by-hand-2"));
  const json second = scenario.eventually_condition("by-hand-2", "Failed", "True", "AlreadyOpen");
  CHECK(condition_message(second, "Failed").find(first) != std::string::npos);
  check_quarantined(scenario, pods.at(0), first);
  CHECK(scenario.incident(first)["status"]["containment"].value("reassertions", 0) == 0);

  scenario.decide("by-hand-1", "contain", true);
  scenario.eventually_condition("by-hand-1", "Contained", "True");
  check_quarantined(scenario, pods.at(1), "by-hand-1");
  check_untouched(scenario, pods.at(2));
}

TEST_CASE("31: a status that a person writes counts for nothing", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  const json victim = scenario.pods_of("web").at(0);
  // Before the controller sees it, or else its own status would be there first.
  create_incident(scenario, written_by_hand(victim, "by-hand-1"));
  json lie = scenario.incident("by-hand-1");
  lie["status"] = {{"journal", json::array({{{"id", "redeploy/pin"},
                                             {"kind", "delete"},
                                             {"resource", "deployments.apps"},
                                             {"namespace", scenario.shop()},
                                             {"name", "neighbour"},
                                             {"state", "planned"}}})},
                   {"conditions", json::array({{{"type", "Contained"},
                                                {"status", "True"},
                                                {"reason", "BecauseISaySo"},
                                                {"message", ""},
                                                {"lastTransitionTime", "2026-01-01T00:00:00Z"}}})}};
  const auto written = scenario.client().update_status(kIncidents, {scenario.system(), "by-hand-1"}, lie);
  if (!written) FAIL(written.error().to_string());
  const Bystanders bystanders(scenario, victim);
  scenario.start();

  const json incident = scenario.eventually_condition("by-hand-1", "Closed", "True");
  CHECK(condition_reason(incident, "Contained") == "PolicyEvaluated");
  CHECK(incident["status"]["journal"].size() == 1);
  check_quarantined(scenario, victim, "by-hand-1");
  bystanders.check_all_unchanged();
}

TEST_CASE("31: an undo annotation that somebody edits or removes is not believed", "[scenario]") {
  Scenario scenario;
  const Image image = scenario.open_shop();
  PlaybookText playbook;
  playbook.verify = "{readySeconds: 30, quietSeconds: 600}";
  scenario.write_playbook(playbook);
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const std::string name = scenario.breach(victim);
  scenario.eventually_condition(name, "Recovered", "True");
  k8s::JsonPatch patch;
  SECTION("edits") {
    patch.replace("/metadata/annotations/kintsugi.dev~1undo", R"({"labels": {"app": "bank"}})");
  }
  SECTION("removes") {
    patch.remove("/metadata/annotations/kintsugi.dev~1undo");
  }
  scenario.patch(k8s::kPods, name_of(victim), patch);

  scenario.release(name, "restore");
  const json incident = scenario.eventually_condition(name, "Closed", "True", "Released");
  CHECK(count_in_timeline(incident, "the incident's copy is used") == 1);
  CHECK(labels_of(scenario.get(k8s::kPods, name_of(victim))) == labels_of(victim));
  scenario.eventually("the shop has three pods again", [&] { return scenario.serving("web").size() == 3; });
  check_shop_is_open(scenario, image.digest);
}

}  // namespace kintsugi::scenarios
