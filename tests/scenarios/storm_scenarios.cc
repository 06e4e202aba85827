// SPDX-License-Identifier: Apache-2.0
//
// Scenario 30: a hundred victims at once.
#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <thread>

#include "checks.h"
#include "metrics_page.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr int kNamespaces = 5;
constexpr int kOwnersEach = 6;
constexpr int kReplicas = 4;
constexpr std::size_t kPods = std::size_t(kNamespaces) * kOwnersEach * kReplicas;
constexpr std::size_t kVictims = 100;
constexpr std::size_t kSenders = 10;

std::string owner_of(const json& pod) {
  return pod["metadata"]["ownerReferences"][0]["uid"];
}

/// Thirty Deployments in five protected namespaces, all from one signed image.
class Town {
 public:
  explicit Town(Scenario& scenario) : scenario_(scenario) {
    const Image image = scenario.push_signed("shop/web", "1.0", "web 1.0");
    namespaces_.push_back(scenario.shop());
    while (namespaces_.size() < kNamespaces)
      namespaces_.push_back(scenario.make_namespace("shop" + std::to_string(namespaces_.size()), true));
    for (const std::string& name_space : namespaces_) {
      for (int i = 0; i < kOwnersEach; ++i) {
        const json owner = deployment("web-" + std::to_string(i), image.by_digest, kReplicas);
        REQUIRE(scenario.client().create(k8s::kDeployments, name_space, owner));
      }
    }
    const auto all_are_ready = [&] {
      const auto now = pods();
      return now.size() == kPods && std::all_of(now.begin(), now.end(), is_ready);
    };
    scenario.eventually("the town's pods are Ready", all_are_ready, 60s);
  }

  std::vector<json> pods() const {
    std::vector<json> all;
    for (const std::string& name_space : namespaces_) {
      const auto listed = scenario_.client().list(k8s::kPods, name_space);
      REQUIRE(listed);
      all.insert(all.end(), listed->begin(), listed->end());
    }
    return all;
  }

 private:
  Scenario& scenario_;
  std::vector<std::string> namespaces_;
};

/// First one pod of each owner, then a second of each, and so on.
std::vector<json> in_turns(const std::vector<json>& pods) {
  std::map<std::string, std::size_t> seen;
  std::vector<std::vector<json>> turns(kReplicas);
  for (const json& pod : pods) turns.at(seen[owner_of(pod)]++).push_back(pod);
  std::vector<json> all;
  for (const auto& turn : turns) all.insert(all.end(), turn.begin(), turn.end());
  return all;
}

/// All are answered 202.
void send_at_once(Scenario& scenario, std::span<const json> victims) {
  std::vector<int> statuses(victims.size());
  {
    std::vector<std::jthread> senders;
    for (std::size_t sender = 0; sender < kSenders; ++sender)
      senders.emplace_back([&, sender] {
        for (std::size_t i = sender; i < victims.size(); i += kSenders)
          statuses[i] = scenario.controller().post(falco_event(victims[i]).dump()).status;
      });
  }
  CHECK(std::size_t(std::count(statuses.begin(), statuses.end(), 202)) == victims.size());
}

void wait_for_incidents(Scenario& scenario, const std::string& what, std::size_t number,
                        const std::function<bool(const json& incident)>& is_so) {
  const auto all_are = [&] {
    const auto incidents = scenario.incidents();
    return incidents.size() == kVictims &&
           std::size_t(std::count_if(incidents.begin(), incidents.end(), is_so)) == number;
  };
  scenario.eventually(what, all_are, 90s);
}

/// The pods of `before` are what they were.
void check_unchanged(std::span<const json> before, const std::vector<json>& now) {
  for (const json& pod : before) {
    const auto same =
        std::find_if(now.begin(), now.end(), [&](const json& other) { return uid_of(other) == uid_of(pod); });
    REQUIRE(same != now.end());
    CHECK(identity_of(*same) == identity_of(pod));
  }
}

}  // namespace

TEST_CASE("30: a hundred victims at once are all contained, and their neighbours are not touched",
          "[scenario][alone]") {
  Scenario scenario;
  const Town town(scenario);
  PlaybookText playbook;
  playbook.collect = "";
  scenario.write_playbook(playbook);
  scenario.start();
  const std::vector<json> pods = in_turns(town.pods());
  const auto victims = std::span(pods).first(kVictims);

  send_at_once(scenario, victims);

  wait_for_incidents(scenario, "all are contained and recovered", kVictims, [](const json& incident) {
    return condition_status(incident, "Contained") == "True" &&
           status_text(incident, "outcome") == "recovered";
  });
  const auto now = town.pods();
  CHECK(now.size() == kPods + kVictims);
  CHECK(std::size_t(std::count_if(now.begin(), now.end(), is_quarantined)) == kVictims);
  CHECK(std::all_of(now.begin(), now.end(), is_ready));
  check_unchanged(std::span(pods).subspan(kVictims), now);
  const MetricsPage page(scenario.controller().scrape());
  CHECK(page.sum("kintsugi_incidents_total{") == kVictims);
  CHECK(page.sum("kintsugi_incident_time_to_contain_seconds_count{") == kVictims);
  CHECK(page.sum("kintsugi_incident_time_to_recover_seconds_count{") == kVictims);
}

TEST_CASE("30: caps turn most of a hundred victims at once into questions", "[scenario][alone]") {
  Scenario scenario;
  const Town town(scenario);
  PlaybookText playbook;
  playbook.collect = "";
  playbook.guards = "{maxTargetsPerWorkload: 1}";
  playbook.verify = "{readySeconds: 30, quietSeconds: 600}";
  scenario.write_playbook(playbook);
  scenario.start();
  const std::vector<json> pods = in_turns(town.pods());

  send_at_once(scenario, std::span(pods).first(kVictims));

  const auto asks = [](const json& incident) {
    return condition_reason(incident, "Contained") == "AwaitingApproval" &&
           condition_message(incident, "Contained").find("maxTargetsPerWorkload is 1") != std::string::npos;
  };
  wait_for_incidents(scenario, "each recovers or asks", kVictims, [&](const json& incident) {
    return condition_status(incident, "Recovered") == "True" || asks(incident);
  });
  std::map<std::string, std::size_t> victims_of;  // by owner
  for (const json& incident : scenario.incidents())
    if (!asks(incident)) ++victims_of[incident["spec"]["owner"]["uid"]];
  CHECK(victims_of.size() == std::size_t(kNamespaces * kOwnersEach));
  std::size_t contained = 0;
  for (const auto& [owner, victims] : victims_of) {
    CHECK(victims <= 2);  // a cap may overshoot by what is in flight
    contained += victims;
  }
  const auto now = town.pods();
  CHECK(std::size_t(std::count_if(now.begin(), now.end(), is_quarantined)) == contained);
  CHECK(now.size() == kPods + contained);
  const MetricsPage page(scenario.controller().scrape());
  CHECK(page.at("kintsugi_approvals_pending") == double(kVictims - contained));
}

}  // namespace kintsugi::scenarios
