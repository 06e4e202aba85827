// SPDX-License-Identifier: Apache-2.0
//
// Scenarios 30, 31, 32, 34, 35: storms, hands, and bytes that mean no good.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

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

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
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

TEST_CASE("32: what is no event is refused with the reason, and the next good one works", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const json good = falco_event(victim);
  const auto with = [&](const char* key, json value) {
    json event = good;
    event[key] = std::move(value);
    return event.dump();
  };
  const auto with_field = [&](const char* key, json value) {
    json event = good;
    event["output_fields"][key] = std::move(value);
    return event.dump();
  };
  struct Case {
    const char* name;
    std::string body;
    int status;
    const char* said;
  };
  const std::string text = good.dump();
  const Case cases[] = {
      {"nothing", "", 400, ""},
      {"no JSON", "not json", 400, ""},
      {"truncated", text.substr(0, text.size() - 5), 400, ""},
      {"two values", text + text, 400, ""},
      {"a repeated key", R"({"rule": "a", "rule": "b"})", 400, "rule"},
      {"invalid UTF-8", "{\"rule\": \"\xff\"}", 400, ""},
      {"a lone surrogate", R"({"rule": "\ud800"})", 400, ""},
      {"a NUL byte", std::string("{\"rule\": \"\0\"}", 13), 400, ""},
      {"too deep", std::string(100, '[') + std::string(100, ']'), 413, ""},
      {"too long", "\"" + std::string(2u << 20, 'x') + "\"", 413, ""},
      {"too many", json(std::vector<json>(1001, json::object())).dump(), 413, ""},
      {"a number", "1", 422, ""},
      {"an empty object", "{}", 422, "rule"},
      {"null", "null", 422, ""},
      {"an unknown priority", with("priority", "Loud"), 422, "priority"},
      {"a priority of a wrong type", with("priority", 3), 422, "priority"},
      {"no rule", with("rule", nullptr), 422, "rule"},
      {"a rule of a wrong type", with("rule", json::array()), 422, "rule"},
      {"a time that is none", with("time", "yesterday"), 422, "time"},
      {"tags that are no list", with("tags", "shell"), 422, "tags"},
      {"fields that are a list", with("output_fields", json::array()), 422, "output_fields"},
      {"a pod that is no name", with_field("k8s.pod.name", "../../kube-system"), 422, "k8s.pod.name"},
      {"a pod with a control character", with_field("k8s.pod.name", "web\n"), 422, "k8s.pod.name"},
      {"a namespace that is no name", with_field("k8s.ns.name", "Shop"), 422, "k8s.ns.name"},
      {"a container id with an escape", with_field("container.id", "\x1b[2J"), 422, "container.id"},
  };
  for (const Case& bad : cases) {
    INFO(bad.name);
    const auto answer = scenario.controller().post(bad.body);
    INFO(answer.body);
    CHECK(answer.status == bad.status);
    CHECK(answer.body.find(bad.said) != std::string::npos);
    CHECK(answer.body.size() < 4096);
  }
  CHECK(scenario.incidents().empty());

  const auto mixed = scenario.controller().post(json::array({json::object(), good}).dump());
  CHECK(mixed.status == 207);
  const json results = json::parse(mixed.body)["results"];
  CHECK(results[0]["result"] == "error");
  CHECK(results[0]["field"] == "rule");
  REQUIRE(results[1]["result"] == "opened");
  scenario.eventually_condition(results[1]["incident"], "Contained", "True");
}

TEST_CASE("34: a signal's clock that is wrong is clamped, and no time is absurd", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const auto ago =
      GENERATE(std::chrono::nanoseconds(-10min), std::chrono::nanoseconds(std::chrono::hours(24 * 365)));
  const WallTime before = SystemClock().now();

  const json result = scenario.send(falco_event(victim, ago));
  REQUIRE(result["result"] == "opened");
  const json incident = scenario.eventually_condition(result["incident"], "Closed", "True");

  CHECK(incident["spec"]["origin"]["timeWasClamped"] == true);
  CHECK(count_in_timeline(incident, "time was not plausible") == 1);
  check_times(incident);
  CHECK(*time_of(incident, "detected") >= before - 1ms);
  CHECK(*time_of(incident, "closed") - *time_of(incident, "detected") < 1min);
}

TEST_CASE("35: hostile text is shown escaped and expands nowhere", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  PlaybookText playbook;
  playbook.rule = "*";
  scenario.write_playbook(playbook);
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const std::string text =
      "\x1b[31mred\x1b]0;title\x07\r\n{{.Values.secret}} ${HOME} $(id) `id` %s \"quoted\" 'x' \u202e";
  json event = falco_event(victim);
  event["rule"] = text;
  event["output"] = text + std::string(64u << 10, 'x');

  const json result = scenario.send(event);
  REQUIRE(result["result"] == "opened");
  const json incident = scenario.eventually_condition(result["incident"], "Closed", "True");

  const std::string rule = incident["spec"]["origin"]["rule"];
  const std::string summary = incident["spec"]["origin"]["summary"];
  CHECK(rule.find("{{.Values.secret}} ${HOME} $(id)") != std::string::npos);
  CHECK(summary.size() <= 1024);
  const std::string log = scenario.controller().log();
  std::string shown = rule + summary + log;
  for (const json& entry : incident["status"]["timeline"]) shown += entry["message"].get<std::string>();
  const auto notes = scenario.client().list(k8s::kEvents, scenario.system());
  REQUIRE(notes);
  for (const json& note : *notes) shown += note["note"];
  for (const char* hostile : {"\x1b", "\x07", "\r", "\u202e"})
    CHECK(shown.find(hostile) == std::string::npos);
  CHECK(rule.find('\n') == std::string::npos);
  for (const std::string& line : lines_of(log)) CHECK(json::accept(line));
}

TEST_CASE("30: a hundred victims at once are all contained, and their neighbours are not touched",
          "[scenario]") {
  Scenario scenario;
  const Image image = scenario.push_signed("shop/web", "1.0", "web 1.0");
  std::vector<std::string> namespaces{scenario.shop()};
  for (int i = 1; i < 5; ++i) namespaces.push_back(scenario.make_namespace("shop" + std::to_string(i), true));
  for (const std::string& name_space : namespaces) {
    for (int i = 0; i < 6; ++i) {
      const json owner = deployment("web-" + std::to_string(i), image.by_digest, 4);
      REQUIRE(scenario.client().create(k8s::kDeployments, name_space, owner));
    }
  }
  const auto all_pods = [&] {
    std::vector<json> pods;
    for (const std::string& name_space : namespaces) {
      const auto listed = scenario.client().list(k8s::kPods, name_space);
      REQUIRE(listed);
      pods.insert(pods.end(), listed->begin(), listed->end());
    }
    return pods;
  };
  std::vector<json> pods;
  scenario.eventually(
      "120 pods are Ready",
      [&] {
        pods = all_pods();
        return std::count_if(pods.begin(), pods.end(), is_ready) == 120;
      },
      60s);
  PlaybookText playbook;
  playbook.collect = "";
  scenario.write_playbook(playbook);
  scenario.start();

  constexpr std::size_t kVictims = 100;
  constexpr std::size_t kSenders = 10;
  std::vector<int> statuses(kVictims);
  {
    std::vector<std::jthread> senders;
    for (std::size_t sender = 0; sender < kSenders; ++sender)
      senders.emplace_back([&, sender] {
        for (std::size_t i = sender; i < kVictims; i += kSenders)
          statuses[i] = scenario.controller().post(falco_event(pods[i]).dump()).status;
      });
  }
  CHECK(std::count(statuses.begin(), statuses.end(), 202) == kVictims);
  scenario.eventually(
      "all incidents are closed",
      [&] {
        const auto incidents = scenario.incidents();
        return incidents.size() == kVictims &&
               std::all_of(incidents.begin(), incidents.end(), [](const json& incident) {
                 return condition_status(incident, "Contained") == "True" &&
                        status_text(incident, "outcome") == "recovered";
               });
      },
      90s);
  const auto now = all_pods();
  CHECK(now.size() == 220);
  CHECK(std::size_t(std::count_if(now.begin(), now.end(), is_quarantined)) == kVictims);
  for (std::size_t i = kVictims; i < pods.size(); ++i) {
    const auto same =
        std::find_if(now.begin(), now.end(), [&](const json& pod) { return uid_of(pod) == uid_of(pods[i]); });
    REQUIRE(same != now.end());
    CHECK(identity_of(*same) == identity_of(pods[i]));
  }
}

}  // namespace kintsugi::scenarios
