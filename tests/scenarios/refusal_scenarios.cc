// SPDX-License-Identifier: Apache-2.0
//
// Scenarios 6, 8, 9, 13, 23: where nothing may be done, or not all of it, and that is said.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "checks.h"
#include "metrics_page.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr k8s::Resource kStatefulSets{"apps", "v1", "statefulsets", "StatefulSet"};
constexpr k8s::Resource kDaemonSets{"apps", "v1", "daemonsets", "DaemonSet"};
constexpr k8s::Resource kJobs{"batch", "v1", "jobs", "Job"};

/// The first Ready pod that wears `app: <name>`.
json wait_for_pod(Scenario& scenario, const std::string& app) {
  json found;
  scenario.eventually("a pod of " + app + " is Ready", [&] {
    for (const json& pod : scenario.pods_of(app))
      if (is_ready(pod)) found = pod;
    return found.is_object();
  });
  return found;
}

void check_contained_is_denied(Scenario& scenario, const json& spec, const std::string& reason,
                               const std::string& said) {
  const Image image = scenario.push_signed("shop/tool", "1.0", "tool 1.0");
  json pod = bare_pod("tool", image.by_digest);
  pod["spec"].merge_patch(spec);
  if (spec.value("privileged", false)) {
    pod["spec"].erase("privileged");
    pod["spec"]["containers"][0]["securityContext"] = {{"privileged", true}};
  }
  scenario.create(k8s::kPods, pod);
  const json victim = wait_for_pod(scenario, "tool");
  scenario.start();

  const std::string name = scenario.breach(victim);
  const json incident = scenario.eventually_condition(name, "Contained", "False", reason);

  CHECK(condition_message(incident, "Contained").find(said) != std::string::npos);
  check_quarantined(scenario, victim, name);
  CHECK_FALSE(time_of(incident, "contained"));
  CHECK(status_text(incident, "awaiting") == "contain");
  CHECK(status_text(incident, "awaitingReason").find("--victim delete") != std::string::npos);
  scenario.eventually_condition(name, "EvidencePreserved", "True");
  CHECK(MetricsPage(scenario.controller().scrape()).sum("kintsugi_incident_time_to_contain_seconds_count{") ==
        0);

  scenario.release(name, "delete");
  scenario.eventually_condition(name, "Closed", "True", "Released");
  scenario.eventually("the victim is gone", [&] { return scenario.get(k8s::kPods, "tool").is_null(); });
}

}  // namespace

TEST_CASE("6: a namesake of the pod that the signal is about is left alone", "[scenario]") {
  Scenario scenario;
  const Image image = scenario.push_signed("shop/db", "1.0", "db 1.0");
  scenario.create(k8s::kPods, bare_pod("db", image.by_digest));
  const json old = wait_for_pod(scenario, "db");
  scenario.start();
  json event = falco_event(old);
  scenario.remove(k8s::kPods, "db");
  json stranger = event;
  stranger["output_fields"]["k8s.pod.uid"] = "00000000-0000-0000-0000-000000000000";
  scenario.eventually("the controller has seen that the old pod is gone",
                      [&] { return scenario.send(stranger)["result"] == "gone"; });
  CHECK(scenario.send(event)["result"] == "gone");
  scenario.create(k8s::kPods, bare_pod("db", image.by_digest));
  const json namesake = wait_for_pod(scenario, "db");
  REQUIRE(uid_of(namesake) != uid_of(old));
  scenario.eventually("the controller has seen the namesake",
                      [&] { return scenario.send(event)["result"] == "uid-mismatch"; });

  event["output_fields"].erase("k8s.pod.uid");
  CHECK(scenario.send(event)["result"] == "gone");
  CHECK(scenario.incidents().empty());
  check_untouched(scenario, namesake);
}

TEST_CASE("8: while it is switched off nothing is done, and nothing afterwards without a person",
          "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const Bystanders bystanders(scenario, victim);
  const json off{{"metadata", {{"name", "kintsugi"}}}, {"data", {{"mode", "off"}}}};
  REQUIRE(scenario.client().create(k8s::kConfigMaps, scenario.system(), off));
  scenario.eventually(
      "it is off within a second",
      [&] {
        json event = falco_event(victim);
        event["rule"] = "A rule that no playbook has";
        return scenario.send(event)["result"] == "off";
      },
      1s);

  CHECK(scenario.send(falco_event(victim))["result"] == "off");
  const auto unchanged = [&] {
    return scenario.incidents().empty() &&
           identity_of(scenario.get(k8s::kPods, name_of(victim))) == identity_of(victim);
  };
  scenario.holds_for(500ms, "nothing is done while it is off", unchanged);
  REQUIRE(scenario.client().remove(k8s::kConfigMaps, {scenario.system(), "kintsugi"}));
  scenario.eventually("it is on again", [&] {
    json event = falco_event(victim);
    event["rule"] = "A rule that no playbook has";
    return scenario.send(event)["result"] == "no-playbook";
  });
  scenario.holds_for(1s, "nothing is done retroactively", unchanged);
  bystanders.check_all_unchanged();

  const std::string name = scenario.breach(victim);
  scenario.eventually_condition(name, "Closed", "True");
}

TEST_CASE("8: an open incident rests while it is switched off", "[scenario]") {
  Scenario scenario;
  const Image image = start_where_a_pin_waits(scenario);
  const json victim = scenario.pods_of("web").at(0);
  const std::string name = scenario.breach(victim);
  scenario.eventually_condition(name, "Redeployed", "False", "AwaitingApproval");
  const json off{{"metadata", {{"name", "kintsugi"}}}, {"data", {{"mode", "off"}}}};
  REQUIRE(scenario.client().create(k8s::kConfigMaps, scenario.system(), off));
  scenario.eventually_incident(
      name, "says that it rests",
      [](const json& incident) { return count_in_timeline(incident, "Switched off") == 1; }, 2s);

  scenario.decide(name, "redeploy", true);
  const Bystanders bystanders(scenario, victim);
  scenario.holds_for(1500ms, "what was approved waits", [&] {
    return condition_reason(scenario.incident(name), "Redeployed") == "AwaitingApproval";
  });
  bystanders.check_all_unchanged();
  REQUIRE(scenario.client().remove(k8s::kConfigMaps, {scenario.system(), "kintsugi"}));
  scenario.eventually_condition(name, "Closed", "True");
  check_shop_is_open(scenario, image.digest);
}

TEST_CASE("9: what the cluster itself needs is never touched", "[scenario]") {
  Scenario scenario;
  const Image image = scenario.push_signed("shop/web", "1.0", "web 1.0");
  const auto make_pod = [&](const std::string& name_space, const std::string& name,
                            const std::string& label) {
    json pod = bare_pod(name, image.by_digest);
    if (!label.empty()) pod["metadata"]["labels"]["k8s-app"] = label;
    auto created = scenario.client().create(k8s::kPods, name_space, pod);
    if (!created) FAIL(created.error().to_string());
    json ready;
    scenario.eventually("the pod is Ready", [&] {
      ready = *scenario.client().get(k8s::kPods, {name_space, name});
      return is_ready(ready);
    });
    return ready;
  };
  std::string result = "refused";
  std::string said;
  json pod;
  SECTION("kube-system") {
    pod = {{"metadata", {{"namespace", "kube-system"}, {"name", "coredns-1"}, {"uid", "u"}}}};
    said = "namespace of the cluster itself";
  }
  SECTION("the controller's own namespace, even if it is protected") {
    REQUIRE(
        scenario.client().patch(k8s::kNamespaces, {"", scenario.system()},
                                k8s::JsonPatch().add("/metadata/labels/kintsugi.dev~1protected", "true")));
    pod = make_pod(scenario.system(), "kintsugi", "");
    said = "controller's own namespace";
  }
  SECTION("cluster DNS") {
    pod = make_pod(scenario.shop(), "dns", "kube-dns");
    said = "serves the cluster's DNS";
  }
  SECTION("a namespace that is not protected") {
    pod = make_pod(scenario.make_namespace("open", false), "web", "");
    result = "unprotected";
    said = "kintsugi.dev/protected";
  }
  scenario.start();

  const json answer = scenario.send(falco_event(pod));
  CHECK(answer["result"] == result);
  CHECK(answer["message"].get<std::string>().find(said) != std::string::npos);
  const auto unchanged = [&] {
    if (pod["metadata"]["namespace"] == "kube-system") return true;
    const auto now = scenario.client().get(k8s::kPods, {pod["metadata"]["namespace"], name_of(pod)});
    return now && identity_of(*now) == identity_of(pod);
  };
  scenario.holds_for(300ms, "nothing changes", [&] { return scenario.incidents().empty() && unchanged(); });
}

TEST_CASE("13: what a quarantine cannot hold is said, and deleting it after the evidence is offered",
          "[scenario]") {
  Scenario scenario;
  SECTION("host network") {
    check_contained_is_denied(scenario, {{"hostNetwork", true}}, "HostNetwork", "node's network");
  }
  SECTION("privileged, with a path of the node") {
    const json spec{{"privileged", true},
                    {"volumes", json::array({{{"name", "host"}, {"hostPath", {{"path", "/etc"}}}}})}};
    check_contained_is_denied(scenario, spec, "Privileged", "root on the node");
  }
}

TEST_CASE("23: pods of owners that are not supported yet are left alone, and a person is asked",
          "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kAllControllers)) return;
  const Image image = scenario.push_signed("shop/db", "1.0", "db 1.0");
  json owner = deployment("db", image.by_digest, 1);
  k8s::Resource resource = kStatefulSets;
  SECTION("StatefulSet") {
    owner["spec"]["serviceName"] = "db";
  }
  SECTION("DaemonSet") {
    resource = kDaemonSets;
    owner["spec"].erase("replicas");
  }
  SECTION("Job") {
    resource = kJobs;
    owner["spec"].erase("replicas");
    owner["spec"].erase("selector");
    owner["spec"]["template"]["spec"]["restartPolicy"] = "Never";
  }
  scenario.create(resource, owner);
  json victim;
  scenario.eventually("a pod of the owner runs", [&] {
    const auto pods = scenario.pods_of("db");
    if (pods.empty() || pods.front()["status"].value("phase", "Pending") == "Pending") return false;
    victim = pods.front();
    return true;
  });
  scenario.start();

  const std::string name = scenario.breach(victim);
  const json incident = scenario.eventually_condition(name, "Contained", "False", "AwaitingApproval");

  CHECK(condition_message(incident, "Contained")
            .find("owner not supported yet: a " + std::string(resource.kind)) != std::string::npos);
  CHECK(status_text(incident, "awaiting") == "contain");
  CHECK(status_text(incident, "stage") == "AwaitingApproval");
  CHECK(journal_ids(incident, "applied").empty());
  const json spec = scenario.get(resource, "db")["spec"];
  scenario.holds_for(500ms, "the pod and its owner are left alone", [&] {
    const json now = scenario.get(k8s::kPods, name_of(victim));
    return identity_of(now) == identity_of(victim) && scenario.get(resource, "db")["spec"] == spec;
  });
  CHECK_FALSE(time_of(scenario.incident(name), "contained"));
}

}  // namespace kintsugi::scenarios
