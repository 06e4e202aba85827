// SPDX-License-Identifier: Apache-2.0
//
// Scenario 21: the replacement does not come back, the condition says why, and it recovers once the cause
// goes.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "checks.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr k8s::Resource kResourceQuotas{"", "v1", "resourcequotas", "ResourceQuota"};

/// The pod of `web` that was not among `before`.
json replacement(Scenario& scenario, const std::vector<json>& before) {
  for (const json& pod : scenario.pods_of("web"))
    if (std::none_of(before.begin(), before.end(),
                     [&](const json& old) { return uid_of(old) == uid_of(pod); }))
      return pod;
  return nullptr;
}

}  // namespace

TEST_CASE("21: a quota that is full is named, and the recovery goes on once there is room", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kAllControllers)) return;
  const Image image = scenario.open_shop();
  scenario.create(kResourceQuotas, {{"metadata", {{"name", "four"}}}, {"spec", {{"hard", {{"pods", "4"}}}}}});
  scenario.eventually("the quota counts", [&] {
    return scenario.get(kResourceQuotas, "four").value("/status/used/pods"_json_pointer, "") == "4";
  });
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const Bystanders bystanders(scenario, victim);

  const std::string name = scenario.breach(victim);
  const json incident = scenario.eventually_condition(name, "Redeployed", "False", "ReplicaFailure");
  CHECK(condition_message(incident, "Redeployed").find("exceeded quota: four") != std::string::npos);
  CHECK(condition_status(incident, "Contained") == "True");
  CHECK(condition_status(incident, "Recovered").empty());
  bystanders.check_all_unchanged();

  scenario.remove(kResourceQuotas, "four");
  scenario.eventually_condition(name, "Closed", "True", "", 60s);
  check_shop_is_open(scenario, image.digest);
  bystanders.check_all_unchanged();
}

TEST_CASE("21: a replacement that cannot be pulled is named, and the recovery goes on once it can",
          "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kRuntime)) return;
  const Image image = scenario.open_shop();
  scenario.start();
  scenario.eventually("the template is known to be prepared", [&] {
    const json ready = scenario.config_map("kintsugi-readiness");
    return ready.is_object() && ready.dump().find("TemplateAccepted") != std::string::npos;
  });
  const json victim = scenario.pods_of("web").at(0);
  scenario.world().registry().set_failure(image.repository, sandbox::OciRegistry::Failure::kServerError);

  const std::string name = scenario.breach(victim);
  const json incident = scenario.eventually_condition(name, "Redeployed", "False", "ImagePullFailed");
  CHECK(condition_message(incident, "Redeployed").find("cannot pull") != std::string::npos);
  CHECK(condition_message(incident, "Redeployed").find("check the registry") != std::string::npos);
  CHECK(condition_status(incident, "Contained") == "True");

  scenario.world().registry().set_failure(image.repository, sandbox::OciRegistry::Failure::kNone);
  scenario.eventually_condition(name, "Closed", "True");
  check_shop_is_open(scenario, image.digest);
}

TEST_CASE("21: a replacement that is not Ready is named, the deadline holds, and it may still come",
          "[scenario]") {
  Scenario scenario;
  const Image image = scenario.open_shop();
  PlaybookText playbook;
  playbook.verify = "{readySeconds: 2, quietSeconds: 30}";
  scenario.write_playbook(playbook);
  scenario.start();
  const auto before = scenario.pods_of("web");
  const json& victim = before.at(0);
  std::string failure;
  std::string reason;
  std::string said;
  SECTION("crash loop") {
    failure = "crash-loop";
    reason = "CrashLoop";
    said = "read its log";
  }
  SECTION("readiness never true") {
    failure = "never-ready";
    reason = "NotReady";
    said = "is not Ready";
  }
  const std::string name = scenario.breach(victim);
  scenario.eventually("a replacement runs", [&] {
    const json pod = replacement(scenario, before);
    return pod.is_object() && pod["status"].value("phase", "") == "Running";
  });
  scenario.world().set_failure(replacement(scenario, before), failure);

  const json incident = scenario.eventually_condition(name, "Recovered", "False", reason);
  CHECK(condition_message(incident, "Recovered").find(said) != std::string::npos);
  CHECK(condition_status(incident, "Contained") == "True");
  scenario.eventually_incident(name, "the deadline is named", [](const json& incident) {
    return condition_message(incident, "Recovered").find("not back within 2 s") != std::string::npos;
  });
  CHECK(condition_status(scenario.incident(name), "Closed").empty());

  scenario.world().set_failure(replacement(scenario, before), "");
  scenario.eventually_condition(name, "Recovered", "True");
  check_shop_is_open(scenario, image.digest);
}

}  // namespace kintsugi::scenarios
