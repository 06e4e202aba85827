// SPDX-License-Identifier: Apache-2.0
//
// Scenarios 32, 34, 35: bytes that mean no good.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "checks.h"
#include "metrics_page.h"
#include "responder.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

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
    const std::string* type = answer.headers.find("Content-Type");
    REQUIRE(type != nullptr);
    CHECK(*type == "application/problem+json");
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
  check_observed_once(scenario, incident);
  const MetricsPage page(scenario.controller().scrape());
  CHECK(page.at("kintsugi_clock_skew_clamps_total") == 1);
  for (const char* clock : {"detect", "acknowledge", "contain", "recover"}) {
    const double sum = page.sum("kintsugi_incident_time_to_" + std::string(clock) + "_seconds_sum{");
    CHECK(sum >= 0);
    CHECK(sum < 60);
  }
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
  const std::string name = result["incident"];
  CHECK(scenario.send(event)["result"] == "duplicate");
  const json decision{{"step", "contain"}, {"decision", "approve"}, {"by", text}, {"reason", text}};
  scenario.patch(kIncidents, name, k8s::JsonPatch().add("/spec/approvals", json::array({decision})));
  const json incident = scenario.eventually_condition(name, "Closed", "True");

  const std::string rule = incident["spec"]["origin"]["rule"];
  const std::string summary = incident["spec"]["origin"]["summary"];
  CHECK(rule.find("{{.Values.secret}} ${HOME} $(id)") != std::string::npos);
  CHECK(summary.size() <= 1024);
  const std::string log = scenario.controller().log();
  std::string shown = rule + summary + log;
  CHECK(incident["status"]["signals"].size() == 1);
  shown += incident["status"]["signals"].dump();
  for (const json& entry : incident["status"]["timeline"]) shown += entry["message"].get<std::string>();
  const auto notes = scenario.client().list(k8s::kEvents, scenario.system());
  REQUIRE(notes);
  for (const json& note : *notes) shown += note["note"];
  shown += scenario.controller().scrape();
  const std::string described = responder_runs(scenario, "describe " + name);
  CHECK(described.find("{{.Values.secret}} ${HOME} $(id)") != std::string::npos);
  shown += described;
  const std::vector<std::string> views{"list",          "list -o json",       "describe % -o json",
                                       "timeline %",    "timeline % -o json", "report",
                                       "report -o csv", "report -o markdown"};
  for (const std::string& view : views)
    shown += responder_runs(scenario, std::regex_replace(view, std::regex("%"), name));
  for (const char* hostile : {"\x1b", "\x07", "\r", "\u202e"})
    CHECK(shown.find(hostile) == std::string::npos);
  CHECK(rule.find('\n') == std::string::npos);
  for (const std::string& line : lines_of(log)) CHECK(json::accept(line));
}

TEST_CASE("35: a pod that says too much of itself is isolated all the same", "[scenario]") {
  Scenario scenario;
  json pod = bare_pod("lost", scenario.push_signed("shop/lost", "1.0", "lost").by_digest);
  SECTION("annotations that leave no room for another") {
    pod["metadata"]["annotations"] = {{"filler", std::string(262'100, 'a')}, {"note", "stays"}};
  }
  SECTION("an image that nobody can pull") {
    pod["spec"]["containers"].push_back({{"name", "side"}, {"image", std::string(5000, 'a')}});
  }
  scenario.create(k8s::kPods, pod);
  scenario.eventually("it runs", [&] { return is_ready(scenario.get(k8s::kPods, "lost")); });
  const json victim = scenario.get(k8s::kPods, "lost");
  PlaybookText playbook;
  playbook.redeploy = "{trustPolicy: release-images, requireApproval: true}";
  scenario.write_playbook(playbook);
  scenario.start();

  const std::string name = scenario.breach(victim);

  scenario.eventually_condition(name, "Contained", "True");
  check_quarantined(scenario, victim, name);
  scenario.release(name, "restore");
  scenario.eventually_condition(name, "Closed", "True", "Released");
  CHECK(labels_of(scenario.get(k8s::kPods, "lost")) == labels_of(victim));
}

}  // namespace kintsugi::scenarios
