// SPDX-License-Identifier: Apache-2.0
#include "checks.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "metrics_page.h"

namespace kintsugi::scenarios {

using nlohmann::json;

namespace {

std::vector<json> others(Scenario& scenario, const json& victim) {
  std::vector<json> pods = scenario.pods_of("web");
  std::erase_if(pods, [&](const json& pod) { return uid_of(pod) == uid_of(victim); });
  for (json& pod : scenario.pods_of("neighbour")) pods.push_back(std::move(pod));
  return pods;
}

}  // namespace

Bystanders::Bystanders(Scenario& scenario, const json& victim)
    : scenario_(scenario),
      pods_(others(scenario, victim)),
      identities_(scenario.identities(pods_)),
      specs_(specs()) {}

json Bystanders::specs() const {
  json all;
  for (const char* name : {"web", "neighbour"})
    if (const json deployment = scenario_.get(k8s::kDeployments, name); deployment.is_object())
      all[name] = deployment["spec"];
  return all;
}

void Bystanders::check_pods_unchanged() const {
  CHECK(scenario_.identities(pods_) == identities_);
}

void Bystanders::check_all_unchanged() const {
  check_pods_unchanged();
  CHECK(specs() == specs_);
}

void check_quarantined(Scenario& scenario, const json& before, const std::string& incident) {
  json victim;
  scenario.eventually("the victim's owner has let go of it", [&] {
    victim = scenario.get(k8s::kPods, name_of(before));
    return victim.is_null() || victim["metadata"].value("ownerReferences", json::array()).empty();
  });
  REQUIRE(victim.is_object());
  CHECK(uid_of(victim) == uid_of(before));
  CHECK(labels_of(victim) == json{{"kintsugi.dev/quarantine", "true"}});
  CHECK(annotations_of(victim)["kintsugi.dev/incident"] == incident);
  CHECK(annotations_of(victim)["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false");
  CHECK_FALSE(is_being_deleted(victim));
  CHECK(victim["status"]["phase"] == "Running");
  CHECK(identity_of(victim)["spec"] == identity_of(before)["spec"]);
  CHECK(identity_of(victim)["restarts"] == identity_of(before)["restarts"]);
}

void check_untouched(Scenario& scenario, const json& before) {
  const json now = scenario.get(k8s::kPods, name_of(before));
  REQUIRE(now.is_object());
  CHECK(identity_of(now) == identity_of(before));
}

void check_shop_is_open(Scenario& scenario, const std::string& digest) {
  const auto pods = scenario.pods_of("web");
  REQUIRE(pods.size() == 3);
  std::vector<std::string> uids;
  for (const json& pod : pods) {
    INFO(name_of(pod));
    CHECK(is_ready(pod));
    CHECK_FALSE(is_quarantined(pod));
    CHECK(pod["status"]["containerStatuses"][0]["imageID"].get<std::string>().ends_with(digest));
    uids.push_back(uid_of(pod));
  }
  auto serving = scenario.serving("web");
  std::sort(serving.begin(), serving.end());
  std::sort(uids.begin(), uids.end());
  CHECK(serving == uids);
}

void wait_until_controller_knows_closing(Scenario& scenario) {
  scenario.eventually("the metrics show the closing", [&] {
    return MetricsPage(scenario.controller().scrape()).sum("kintsugi_incidents_closed_total{") >= 1;
  });
}

void check_observed_once(Scenario& scenario, const json& incident) {
  wait_until_controller_knows_closing(scenario);
  const MetricsPage page(scenario.controller().scrape());
  CHECK(page.sum("kintsugi_incidents_total{") == 1);
  CHECK(page.at(R"(kintsugi_incidents_closed_total{severity="warning",outcome="recovered"})") == 1);
  CHECK(page.sum("kintsugi_incidents_closed_total{") == 1);
  CHECK(page.sum("kintsugi_open_incidents{") == 0);
  const std::pair<const char*, const char*> clocks[] = {
      {"acknowledge", "acknowledged"}, {"contain", "contained"}, {"recover", "recovered"}};
  for (const auto& [clock, stamp] : clocks) {
    INFO(clock);
    const std::string family = "kintsugi_incident_time_to_" + std::string(clock) + "_seconds";
    const std::chrono::duration<double> took = *time_of(incident, stamp) - *time_of(incident, "detected");
    CHECK(page.sum(family + "_count{") == 1);
    CHECK(page.at(family + R"(_sum{severity="warning"})") == Approx(took.count()).margin(1e-4));
  }
  for (const char* phase : {"contain", "collect", "redeploy", "verify", "probation"})
    CHECK(page.at("kintsugi_incident_phase_duration_seconds_count{phase=\"" + std::string(phase) + "\"}") ==
          1);
}

void check_times(const json& incident) {
  const char* const order[] = {"detected",   "contained", "evidencePreserved",
                               "redeployed", "recovered", "closed"};
  std::optional<WallTime> last;
  for (const char* stamp : order) {
    INFO(stamp);
    const auto time = time_of(incident, stamp);
    REQUIRE(time);
    if (last) CHECK(*last <= *time);
    last = time;
  }
  REQUIRE(time_of(incident, "acknowledged"));
  CHECK(*time_of(incident, "acknowledged") >= *time_of(incident, "detected"));
}

Image start_where_a_pin_waits(Scenario& scenario) {
  Image image = scenario.push_signed("shop/web", "1.0", "web 1.0");
  scenario.open_shop(image.by_tag);
  PlaybookText playbook;
  playbook.redeploy = "{trustPolicy: release-images, requireApproval: true}";
  scenario.write_playbook(playbook);
  scenario.start();
  return image;
}

json readiness_of(Scenario& scenario, const std::string& name_space, const std::string& name) {
  const json found = scenario.config_map("kintsugi-readiness");
  const std::string key = name_space + "." + name;
  if (!found.is_object() || !found.contains("data") || !found["data"].contains(key)) return json::object();
  return json::parse(found["data"][key].get<std::string>());
}

}  // namespace kintsugi::scenarios
