// SPDX-License-Identifier: Apache-2.0
//
// Scenarios 1, 7, 10, 11, 12, 24: a victim is isolated, and what is said about that is true.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "checks.h"
#include "tests/faults/proxy.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr const char* kQuarantinePolicy = "kintsugi-quarantine";

/// Every file that the manifest names is there and is what the manifest says.
void check_evidence(Scenario& scenario, const std::string& incident) {
  const std::string directory = scenario.directory() + "/evidence/" + incident + "/";
  const auto text = read_file(directory + "manifest.json", 1u << 20);
  REQUIRE(text);
  const json manifest = json::parse(*text);
  REQUIRE_FALSE(manifest["files"].empty());
  for (const json& file : manifest["files"]) {
    const auto content = read_file(directory + file["path"].get<std::string>(), 64u << 20);
    REQUIRE(content);
    CHECK(sha256_hex(*content) == file["sha256"].get<std::string>());
    CHECK(content->size() == file["bytes"].get<std::size_t>());
  }
  CHECK(scenario.incident(incident)["status"]["evidence"]["manifestSHA256"] == sha256_hex(*text));
}

void wait_until_not_containable(Scenario& scenario, const std::string& policy) {
  scenario.eventually("by day the leak is found, and what excludes the quarantine is named", [&] {
    const json ready = readiness_of(scenario, scenario.shop(), "web");
    const std::string message = ready.value("containableMessage", "");
    return !ready.value("containable", true) && ready["containableReason"] == "NetworkPolicyAllows" &&
           message.find(policy) != std::string::npos && message.find("egress[0]") != std::string::npos &&
           message.find("kintsugi.dev/quarantine") != std::string::npos &&
           message.find("DoesNotExist") != std::string::npos;
  });
}

/// The victim wears the quarantine, the leak is named, and nobody says that it is contained.
void check_leak_is_admitted(Scenario& scenario, const json& victim, const std::string& name,
                            const std::string& policy) {
  const json incident = scenario.eventually_condition(name, "Contained", "False", "NetworkPolicyAllows");
  CHECK(condition_message(incident, "Contained").find(policy) != std::string::npos);
  CHECK(condition_message(incident, "Contained").find("egress[0]") != std::string::npos);
  check_quarantined(scenario, victim, name);
  const json later = scenario.eventually_condition(name, "Recovered", "True");
  CHECK(status_text(later, "awaiting") == "contain");
  CHECK_FALSE(time_of(later, "contained"));
  scenario.holds_for(1500ms, "an incident whose victim is not contained stays open and says so", [&] {
    const json now = scenario.incident(name);
    return condition_status(now, "Contained") == "False" && condition_status(now, "Closed").empty();
  });
}

}  // namespace

TEST_CASE("1: a breach of a prepared workload is contained, recovered and closed", "[scenario]") {
  Scenario scenario;
  const Image image = scenario.open_shop();
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const Bystanders bystanders(scenario, victim);

  const std::string name = scenario.breach(victim);
  const json incident = scenario.eventually_condition(name, "Closed", "True", "QuietPeriodPassed");

  CHECK(condition_status(incident, "Contained") == "True");
  CHECK(condition_reason(incident, "Contained") == "PolicyEvaluated");
  CHECK(condition_status(incident, "EvidencePreserved") == "True");
  CHECK(condition_reason(incident, "EvidencePreserved") ==
        (scenario.world().can_express(Ability::kContainers) ? "Complete" : "Partial"));
  CHECK(condition_status(incident, "Redeployed") == "True");
  CHECK(condition_status(incident, "Recovered") == "True");
  CHECK(condition_reason(incident, "Recovered") == "Serving");
  CHECK(status_text(incident, "stage") == "Closed");
  CHECK(status_text(incident, "outcome") == "recovered");
  CHECK(status_text(incident, "awaiting").empty());
  CHECK(incident["status"]["images"][0]["digest"] == image.digest);
  check_times(incident);
  CHECK(journal_ids(incident, "applied") == std::vector<std::string>{"contain/isolate"});
  CHECK(incident["status"]["journal"].size() == 1);
  for (const char* once :
       {"Contained=True", "EvidencePreserved=True", "Redeployed=True", "Recovered=True", "Closed=True"})
    CHECK(count_in_timeline(incident, once) == 1);
  CHECK(scenario.incidents().size() == 1);
  check_observed_once(scenario, incident);
  check_evidence(scenario, name);

  check_quarantined(scenario, victim, name);
  check_shop_is_open(scenario, image.digest);
  bystanders.check_all_unchanged();
  CHECK(scenario.list(k8s::kReplicaSets, "app=web").size() == 1);
  const json policy = scenario.get(k8s::kNetworkPolicies, kQuarantinePolicy);
  CHECK(policy["spec"]["podSelector"]["matchLabels"] == json{{"kintsugi.dev/quarantine", "true"}});
  CHECK(policy["spec"]["policyTypes"].size() == 2);
  if (!scenario.world().can_express(Ability::kReach)) return;
  const std::string sibling = name_of(scenario.pods_of("web").at(0));
  CHECK_FALSE(scenario.world().can_reach(scenario.shop(), name_of(victim), sibling));
  CHECK_FALSE(scenario.world().can_reach(scenario.shop(), sibling, name_of(victim)));
  CHECK(scenario.world().can_reach(scenario.shop(), sibling, name_of(scenario.pods_of("neighbour").at(0))));
}

TEST_CASE("7: mode observe changes nothing and shows the plan", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  PlaybookText playbook;
  playbook.mode = "observe";
  scenario.write_playbook(playbook);
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const Bystanders bystanders(scenario, victim);

  const json result = scenario.send(falco_event(victim));
  CHECK(result["result"] == "observed");
  const json incident = scenario.eventually_condition(result["incident"], "Closed", "True", "ObserveOnly");

  CHECK(status_text(incident, "outcome") == "observed");
  CHECK(condition_status(incident, "Contained") == "False");
  CHECK_FALSE(time_of(incident, "contained"));
  REQUIRE(journal_ids(incident, "planned") == std::vector<std::string>{"contain/isolate"});
  const json plan = json::parse(incident["status"]["journal"][0]["body"].get<std::string>());
  CHECK(std::any_of(plan.begin(), plan.end(), [&](const json& operation) {
    return operation["op"] == "test" && operation["path"] == "/metadata/uid" &&
           operation["value"] == uid_of(victim);
  }));
  // The plan is the exact patch: the server would take it.
  CHECK(scenario.client().patch_text(k8s::kPods, {scenario.shop(), name_of(victim)}, plan.dump(), "",
                                     {.dry_run = true}));
  check_untouched(scenario, victim);
  bystanders.check_all_unchanged();
  CHECK(scenario.pods_of("web").size() == 3);
}

TEST_CASE("7: mode contain-only changes the victim and nothing else", "[scenario]") {
  Scenario scenario;
  const Image image = scenario.push_signed("shop/web", "1.0", "web 1.0");
  scenario.open_shop(image.by_tag);
  PlaybookText playbook;
  playbook.mode = "contain-only";
  scenario.write_playbook(playbook);
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const Bystanders bystanders(scenario, victim);

  const std::string name = scenario.breach(victim);
  const json incident = scenario.eventually_condition(name, "Redeployed", "False", "ModeForbids");

  CHECK(condition_status(incident, "Contained") == "True");
  CHECK(journal_ids(incident, "applied") == std::vector<std::string>{"contain/isolate"});
  check_quarantined(scenario, victim, name);
  scenario.holds_for(1s, "the template is left alone", [&] { return scenario.pods_of("web").size() == 3; });
  bystanders.check_all_unchanged();
}

TEST_CASE("10: a policy that allows every pod is named by day, and containment is not claimed",
          "[scenario]") {
  Scenario scenario;
  const Image image = scenario.open_shop();
  SECTION("DNS to all") {
    scenario.create(k8s::kNetworkPolicies, network_policy("allow-dns", R"({
      "podSelector": {}, "policyTypes": ["Egress"],
      "egress": [{"to": [{"namespaceSelector": {}}], "ports": [{"protocol": "UDP", "port": 53}]}]})"));
  }
  SECTION("the same namespace to all") {
    scenario.create(k8s::kNetworkPolicies, network_policy("allow-dns", R"({
      "podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"podSelector": {}}]}]})"));
  }
  scenario.start();
  wait_until_not_containable(scenario, "allow-dns");
  const json victim = scenario.pods_of("web").at(0);

  const std::string name = scenario.breach(victim);
  check_leak_is_admitted(scenario, victim, name, "allow-dns");
  check_shop_is_open(scenario, image.digest);

  // Once the policy excludes the quarantine, the victim is contained, and that is when it counts.
  scenario.patch(k8s::kNetworkPolicies, "allow-dns",
                 k8s::JsonPatch().replace("/spec/podSelector", json::parse(R"({"matchExpressions": [
                                            {"key": "kintsugi.dev/quarantine", "operator": "DoesNotExist"}]})")));
  const json closed = scenario.eventually_condition(name, "Closed", "True");
  CHECK(condition_status(closed, "Contained") == "True");
  CHECK(time_of(closed, "contained"));
  CHECK(status_text(closed, "awaiting").empty());
}

TEST_CASE("11: a policy that selects by a label that is taken away is no leak", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  scenario.create(k8s::kNetworkPolicies, network_policy("allow-web", R"({
    "podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress", "Egress"],
    "ingress": [{}], "egress": [{}]})"));
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);

  const std::string name = scenario.breach(victim);
  const json incident = scenario.eventually_condition(name, "Contained", "True", "PolicyEvaluated");

  CHECK(time_of(incident, "contained"));
  check_quarantined(scenario, victim, name);
  if (!scenario.world().can_express(Ability::kReach)) return;
  const std::string neighbour = name_of(scenario.pods_of("neighbour").at(0));
  CHECK_FALSE(scenario.world().can_reach(scenario.shop(), name_of(victim), neighbour));
  CHECK_FALSE(scenario.world().can_reach(scenario.shop(), neighbour, name_of(victim)));
}

TEST_CASE("12: a policy that selects the stripped pod by what it lacks is found", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  SECTION("DoesNotExist") {
    scenario.create(k8s::kNetworkPolicies, network_policy("backstage", R"({
      "podSelector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]},
      "policyTypes": ["Egress"], "egress": [{}]})"));
  }
  SECTION("NotIn") {
    scenario.create(k8s::kNetworkPolicies, network_policy("backstage", R"({
      "podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]},
      "policyTypes": ["Egress"], "egress": [{}]})"));
  }
  scenario.start();
  wait_until_not_containable(scenario, "backstage");
  const json victim = scenario.pods_of("web").at(0);

  const std::string name = scenario.breach(victim);
  check_leak_is_admitted(scenario, victim, name, "backstage");
}

TEST_CASE("24: a quarantine label that somebody removes is put back, three times", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  PlaybookText playbook;
  playbook.verify = "{readySeconds: 30, quietSeconds: 600}";
  scenario.write_playbook(playbook);
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const std::string name = scenario.breach(victim);
  const json contained = scenario.eventually_condition(name, "Recovered", "True");
  const auto first_contained = time_of(contained, "contained");

  const auto take_label_away = [&] {
    scenario.patch(k8s::kPods, name_of(victim),
                   k8s::JsonPatch().remove("/metadata/labels/kintsugi.dev~1quarantine"));
  };
  for (std::size_t times = 1; times <= 3; ++times) {
    take_label_away();
    scenario.eventually(
        "the label is back", [&] { return is_quarantined(scenario.get(k8s::kPods, name_of(victim))); }, 1s);
    scenario.eventually_incident(name, "says that it was put back", [&](const json& incident) {
      return condition_status(incident, "Contained") == "True" &&
             incident["status"]["containment"]["reassertions"] == times;
    });
    check_quarantined(scenario, victim, name);
  }
  take_label_away();
  const json asked = scenario.eventually_condition(name, "Contained", "False", "QuarantineRemoved");
  CHECK(status_text(asked, "awaiting") == "contain");
  CHECK(time_of(asked, "contained") == first_contained);
  scenario.holds_for(1500ms, "nobody fights on",
                     [&] { return !is_quarantined(scenario.get(k8s::kPods, name_of(victim))); });

  scenario.decide(name, "contain", true);
  scenario.eventually_condition(name, "Contained", "True");
  check_quarantined(scenario, victim, name);
  CHECK(scenario.pods_of("web").size() == 3);
}

TEST_CASE("24: a quarantine that the API server does not let us put back at once counts as taken away once",
          "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  PlaybookText playbook;
  playbook.verify = "{readySeconds: 30, quietSeconds: 600}";
  scenario.write_playbook(playbook);
  faults::Proxy& proxy = scenario.proxy();
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const std::string name = scenario.breach(victim);
  scenario.eventually_condition(name, "Recovered", "True");

  faults::Rule overloaded;
  overloaded.fault.kind = faults::Fault::Kind::kAnswer;
  overloaded.fault.status = 500;
  overloaded.method = "PATCH";
  overloaded.path_part = "/pods/";
  proxy.begin({overloaded});
  scenario.patch(k8s::kPods, name_of(victim),
                 k8s::JsonPatch().remove("/metadata/labels/kintsugi.dev~1quarantine"));
  scenario.eventually_condition(name, "Contained", "False", "QuarantineRemoved");
  scenario.holds_for(3s, "no person is asked",
                     [&] { return status_text(scenario.incident(name), "awaiting").empty(); });
  proxy.begin();

  const json back = scenario.eventually_condition(name, "Contained", "True");
  check_quarantined(scenario, victim, name);
  CHECK(back["status"]["containment"]["reassertions"] == 1);
  CHECK(status_text(back, "awaiting").empty());
}

TEST_CASE("24: a quarantine policy that somebody edits or deletes is put back", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  PlaybookText playbook;
  playbook.verify = "{readySeconds: 30, quietSeconds: 600}";
  scenario.write_playbook(playbook);
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const std::string name = scenario.breach(victim);
  scenario.eventually_condition(name, "Recovered", "True");
  const json intact = scenario.get(k8s::kNetworkPolicies, kQuarantinePolicy)["spec"];

  SECTION("deletes") {
    scenario.remove(k8s::kNetworkPolicies, kQuarantinePolicy);
  }
  SECTION("edits") {
    scenario.patch(k8s::kNetworkPolicies, kQuarantinePolicy,
                   k8s::JsonPatch().add("/spec/egress", json::array({json::object()})));
  }
  scenario.eventually(
      "the policy is back",
      [&] {
        const json policy = scenario.get(k8s::kNetworkPolicies, kQuarantinePolicy);
        return policy.is_object() && policy["spec"] == intact;
      },
      1s);
  const json incident = scenario.eventually_condition(name, "Contained", "True");
  CHECK(count_in_timeline(incident, "quarantine policy was changed") == 1);
  check_quarantined(scenario, victim, name);
}

}  // namespace kintsugi::scenarios
