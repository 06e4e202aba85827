// SPDX-License-Identifier: Apache-2.0
//
// The playbooks and the trust policy that are shipped do what their comments say.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "checks.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

/// The text of a shipped file, from the root of the source tree.
std::string shipped(const std::string& path) {
  const auto text = read_file(std::string(KINTSUGI_SOURCE_ROOT) + "/" + path, 64u << 10);
  REQUIRE(text);
  return *text;
}

void replace(std::string& text, const std::string& what, const std::string& with) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  text.replace(at, what.size(), with);
}

/// All shipped playbooks as files, and the shipped policy with the world's registry in place of the
/// example's.
void install_shipped(Scenario& scenario) {
  for (const char* name : {"cryptominer", "sensitive-file-read", "shell-in-container"}) {
    scenario.write_playbook_file(name, shipped("playbooks/shipped/" + std::string(name) + ".yaml"));
  }
  std::string policy = shipped("charts/kintsugi/examples/trust-policy.yaml");
  replace(policy, "registry.example.com", scenario.world().registry_host());
  scenario.write_trust_policy("release-images", policy);
  REQUIRE(scenario.client().create(k8s::kConfigMaps, scenario.system(),
                                   {{"apiVersion", "v1"},
                                    {"kind", "ConfigMap"},
                                    {"metadata", {{"name", "cosign-pub"}, {"namespace", scenario.system()}}},
                                    {"data", {{"cosign.pub", scenario.key().public_pem()}}}}));
}

std::string open_incident(Scenario& scenario, const json& victim, const std::string& rule,
                          const std::string& priority, const std::string& playbook) {
  json event = falco_event(victim);
  event["rule"] = rule;
  event["priority"] = priority;
  const json result = scenario.send(event);
  INFO(result.dump());
  REQUIRE((result["result"] == "opened" || result["result"] == "observed"));
  const json incident = scenario.eventually_incident(
      result["incident"], "begun", [](const json& now) { return !status_text(now, "playbook").empty(); });
  CHECK(status_text(incident, "playbook") == playbook);
  return result["incident"];
}

}  // namespace

TEST_CASE("the shipped playbooks and trust policy do what they say", "[scenario]") {
  Scenario scenario;
  install_shipped(scenario);
  scenario.open_shop();
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);

  SECTION("a shell: isolated, and recovered on images of the shipped policy") {
    const std::string name =
        open_incident(scenario, victim, "Reverse shell (any)", "Critical", "shell-in-container");
    scenario.eventually_condition(name, "Contained", "True");
    const json incident = scenario.eventually_condition(name, "Recovered", "True");
    const json labels = scenario.get(k8s::kPods, name_of(victim))["metadata"]["labels"];
    CHECK(labels == json({{"kintsugi.dev/quarantine", "true"}, {"kintsugi.dev/forensics", "incident-tools"}}));
    CHECK(incident["status"]["images"][0]["policy"] == "release-images");
  }
  SECTION("a miner: isolated, evidence kept, nothing else changed without a person") {
    const std::string name = open_incident(
        scenario, victim, "Detect crypto miners using the Stratum protocol", "Critical", "cryptominer");
    scenario.eventually_condition(name, "Contained", "True");
    const json incident = scenario.eventually_condition(name, "EvidencePreserved", "True");
    check_quarantined(scenario, victim, name);
    CHECK(status_text(incident, "mode") == "contain-only");
  }
  SECTION("a file that was read: recorded with the plan, and nothing changed") {
    const std::string name =
        open_incident(scenario, victim, "Read sensitive file untrusted", "Warning", "sensitive-file-read");
    scenario.eventually_condition(name, "Contained", "False", "ObserveOnly");
    CHECK_FALSE(is_quarantined(scenario.get(k8s::kPods, name_of(victim))));
  }
}

}  // namespace kintsugi::scenarios
