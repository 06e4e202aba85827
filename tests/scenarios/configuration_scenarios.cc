// SPDX-License-Identifier: Apache-2.0
//
// What becomes of Playbook and TrustPolicy resources, and what is known of workloads by day.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "checks.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr k8s::Resource kPlaybooks{"kintsugi.dev", "v1alpha1", "playbooks", "Playbook"};
constexpr k8s::Resource kTrustPolicies{"kintsugi.dev", "v1alpha1", "trustpolicies", "TrustPolicy"};
constexpr k8s::Resource kAdmissionPolicies{"admissionregistration.k8s.io", "v1",
                                           "validatingadmissionpolicies", "ValidatingAdmissionPolicy", false};
constexpr k8s::Resource kAdmissionBindings{"admissionregistration.k8s.io", "v1",
                                           "validatingadmissionpolicybindings",
                                           "ValidatingAdmissionPolicyBinding", false};

json own_object(const Scenario& scenario, const k8s::Resource& resource, const std::string& name,
                const json& spec) {
  return {{"apiVersion", "kintsugi.dev/v1alpha1"},
          {"kind", resource.kind},
          {"metadata", {{"name", name}, {"namespace", scenario.system()}}},
          {"spec", spec}};
}

/// With a key that is none, it is wrong, and the schema admits it all the same.
json playbook_with_label(const std::string& key) {
  return {{"mode", "observe"},
          {"signals", {{{"source", "falco"}}}},
          {"targets", {{"podSelector", {{"matchLabels", {{key, "web"}}}}}}}};
}

/// The condition Ready that its author sees; null where there is none yet.
json ready_condition(Scenario& scenario, const k8s::Resource& resource, const std::string& name) {
  const auto object = scenario.client().get(resource, {scenario.system(), name});
  if (!object) return nullptr;
  const json status = object->value("status", json::object());
  for (const json& condition : status.value("conditions", json::array()))
    if (condition["type"] == "Ready" &&
        condition["observedGeneration"] == (*object)["metadata"]["generation"])
      return condition;
  return nullptr;
}

json wait_for_ready(Scenario& scenario, const k8s::Resource& resource, const std::string& name,
                    const std::string& status, const std::string& reason) {
  json found;
  scenario.eventually(name + " is shown as Ready=" + status + " " + reason, [&] {
    found = ready_condition(scenario, resource, name);
    return found.is_object() && found["status"] == status && found["reason"] == reason;
  });
  return found;
}

}  // namespace

TEST_CASE("a playbook says whether it is in force, and why not", "[scenario]") {
  Scenario scenario;
  scenario.start();
  const k8s::ObjectKey key{scenario.system(), "labels"};
  REQUIRE(
      scenario.client().create(kPlaybooks, scenario.system(),
                               own_object(scenario, kPlaybooks, "labels", playbook_with_label("the tier"))));
  const json refused = wait_for_ready(scenario, kPlaybooks, "labels", "False", "Invalid");
  INFO(refused.dump());
  CHECK(refused["message"].get<std::string>().find("spec.targets.podSelector.matchLabels") !=
        std::string::npos);

  k8s::JsonPatch mend;
  mend.replace("/spec/targets/podSelector/matchLabels", json::object({{"tier", "web"}}));
  REQUIRE(scenario.client().patch(kPlaybooks, key, mend));
  const json accepted = wait_for_ready(scenario, kPlaybooks, "labels", "True", "Loaded");
  scenario.holds_for(1500ms, "what is shown is not written again and again",
                     [&] { return ready_condition(scenario, kPlaybooks, "labels") == accepted; });
}

namespace {

/// A policy whose key is an entry of an object that comes after it.
void check_late_key(Scenario& scenario, const std::string& reference, const k8s::Resource& resource,
                    const std::string& object, const std::string& data) {
  const json spec = {{"images", {scenario.world().registry_host() + "/other/**"}},
                     {"authorities", {{{"key", {{reference, {{"name", object}}}}}}}}};
  REQUIRE(scenario.client().create(kTrustPolicies, scenario.system(),
                                   own_object(scenario, kTrustPolicies, "late", spec)));
  const json refused = wait_for_ready(scenario, kTrustPolicies, "late", "False", "KeyUnusable");
  CHECK(refused["message"].get<std::string>().find(object) != std::string::npos);

  REQUIRE(scenario.client().create(resource, scenario.system(),
                                   {{"apiVersion", "v1"},
                                    {"kind", resource.kind},
                                    {"metadata", {{"name", object}, {"namespace", scenario.system()}}},
                                    {data, {{"cosign.pub", scenario.key().pem()}}}}));
  wait_for_ready(scenario, kTrustPolicies, "late", "True", "Loaded");
}

}  // namespace

TEST_CASE("a trust policy whose key is not there says so, and is in force once it is", "[scenario]") {
  Scenario scenario;
  scenario.start();
  check_late_key(scenario, "configMapRef", k8s::kConfigMaps, "late-key", "data");
}

TEST_CASE("a trust policy's key may be in a Secret that the chart names", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  scenario.start();
  check_late_key(scenario, "secretRef", k8s::kSecrets, "trust-keys", "stringData");
}

TEST_CASE("an admission policy that would refuse the isolation is found by day", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  const std::string name = "keep-labels-" + scenario.shop();
  const json policy = {
      {"apiVersion", "admissionregistration.k8s.io/v1"},
      {"kind", "ValidatingAdmissionPolicy"},
      {"metadata", {{"name", name}}},
      {"spec",
       {{"failurePolicy", "Fail"},
        {"matchConstraints",
         {{"namespaceSelector", {{"matchLabels", {{"kubernetes.io/metadata.name", scenario.shop()}}}}},
          {"resourceRules",
           {{{"apiGroups", {""}},
             {"apiVersions", {"v1"}},
             {"operations", {"UPDATE"}},
             {"resources", {"pods"}}}}}}},
        {"validations",
         {{{"expression", "has(object.metadata.labels) && 'app' in object.metadata.labels"},
           {"message", "the label app stays"}}}}}}};
  const json binding = {{"apiVersion", "admissionregistration.k8s.io/v1"},
                        {"kind", "ValidatingAdmissionPolicyBinding"},
                        {"metadata", {{"name", name}}},
                        {"spec", {{"policyName", name}, {"validationActions", {"Deny"}}}}};
  REQUIRE(scenario.client().create(kAdmissionPolicies, "", policy));
  REQUIRE(scenario.client().create(kAdmissionBindings, "", binding));
  scenario.open_shop();
  scenario.eventually("the policy is enforced", [&] {
    k8s::CallOptions dry_run;
    dry_run.dry_run = true;
    k8s::JsonPatch patch;
    patch.remove("/metadata/labels/app");
    return !scenario.client().patch(k8s::kPods, {scenario.shop(), name_of(scenario.pods_of("web").at(0))},
                                    patch, "", dry_run);
  });
  scenario.start();
  scenario.eventually("the refusal is known by day", [&] {
    const json ready = scenario.config_map("kintsugi-readiness");
    return ready.is_object() && ready.dump().find("PatchRefused") != std::string::npos &&
           ready.dump().find("the label app stays") != std::string::npos;
  });
  const json incident = scenario.eventually_condition(scenario.breach(scenario.pods_of("web").at(0)),
                                                      "Contained", "False", "PatchRefused");
  CHECK(condition_message(incident, "Contained").find("the label app stays") != std::string::npos);
  REQUIRE(scenario.client().remove(kAdmissionBindings, {"", name}));
  REQUIRE(scenario.client().remove(kAdmissionPolicies, {"", name}));
}

TEST_CASE("a protected namespace in which the controller has no rights is found by day", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kRights)) return;
  scenario.open_shop();
  const std::string unbound = scenario.make_namespace("unbound", false);
  json neighbour = scenario.get(k8s::kDeployments, "neighbour");
  neighbour["metadata"] = {
      {"name", "neighbour"}, {"namespace", unbound}, {"labels", neighbour["metadata"]["labels"]}};
  REQUIRE(scenario.client().create(k8s::kDeployments, unbound, neighbour));
  REQUIRE(scenario.client().patch(k8s::kNamespaces, {"", unbound},
                                  k8s::JsonPatch().add("/metadata/labels/kintsugi.dev~1protected", "true")));
  scenario.start();
  scenario.eventually("the missing right is named, and the other namespace is fine", [&] {
    const json refused = readiness_of(scenario, unbound, "neighbour");
    const json fine = readiness_of(scenario, scenario.shop(), "neighbour");
    return fine.value("containable", false) && !refused.value("containable", true) &&
           refused["containableReason"] == "PolicyRefused" &&
           refused["containableMessage"].get<std::string>().find("networkpolicies") != std::string::npos;
  });

  // And where nobody looked by day, the incident says it.
  json victim;
  scenario.eventually("its pod is Ready", [&] {
    const auto pods = scenario.client().list(k8s::kPods, unbound);
    if (pods && pods->size() == 1 && is_ready(pods->front())) victim = pods->front();
    return victim.is_object();
  });
  const json incident =
      scenario.eventually_condition(scenario.breach(victim), "Contained", "False", "PolicyRefused");
  CHECK(condition_message(incident, "Contained").find("RBAC") != std::string::npos);
  CHECK(status_text(incident, "awaiting") == "contain");
}

TEST_CASE("what is known by day follows the workloads, also after the last of them has gone", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  scenario.start();
  const auto is_known = [&](const std::string& name) {
    return readiness_of(scenario, scenario.shop(), name) != json::object();
  };
  scenario.eventually("both are known", [&] { return is_known("web") && is_known("neighbour"); });
  json web = scenario.get(k8s::kDeployments, "web");
  scenario.remove(k8s::kDeployments, "web");
  scenario.remove(k8s::kDeployments, "neighbour");
  scenario.eventually("both are forgotten", [&] { return !is_known("web") && !is_known("neighbour"); });

  web["metadata"] = {{"name", "web"}, {"labels", web["metadata"]["labels"]}};
  REQUIRE(scenario.client().create(k8s::kDeployments, scenario.shop(), web));
  scenario.eventually("the new one is known", [&] { return is_known("web"); });
}

}  // namespace kintsugi::scenarios
