// SPDX-License-Identifier: Apache-2.0
//
// Scenarios 14, 15, 16, 20, 22: what may take the victim's place, and what counts as recovered.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "checks.h"
#include "tests/faults/proxy.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

std::string image_of_template(Scenario& scenario) {
  return scenario.get(k8s::kDeployments, "web")["spec"]["template"]["spec"]["containers"][0]["image"];
}

/// Waits until the digest of `web` is known to be good from before any breach.
void wait_until_known_good(Scenario& scenario, const std::string& digest) {
  const std::string uid = uid_of(scenario.get(k8s::kDeployments, "web"));
  scenario.eventually("the last known good digest is remembered", [&] {
    const json known = scenario.config_map("kintsugi-known-good");
    return known.is_object() &&
           known.value("data", json::object()).value(uid, "").find(digest) != std::string::npos;
  });
}

/// Deletes a pod of `web` and returns the one that its owner makes in its place.
json replace_a_pod(Scenario& scenario) {
  const auto before = scenario.pods_of("web");
  scenario.remove(k8s::kPods, name_of(before.at(0)));
  json replacement;
  scenario.eventually("a pod takes the place of the deleted one", [&] {
    const auto now = scenario.pods_of("web");
    const auto is_new = [&](const json& pod) {
      return is_ready(pod) && std::none_of(before.begin(), before.end(),
                                           [&](const json& old) { return uid_of(old) == uid_of(pod); });
    };
    const auto found = std::find_if(now.begin(), now.end(), is_new);
    if (now.size() != 3 || found == now.end()) return false;
    replacement = *found;
    return true;
  });
  return replacement;
}

}  // namespace

TEST_CASE("14: a template by tag is pinned after the isolation", "[scenario]") {
  Scenario scenario;
  const Image image = scenario.push_signed("shop/web", "1.0", "web 1.0");
  scenario.open_shop(image.by_tag);
  const bool asks = GENERATE(false, true);
  if (asks) {
    PlaybookText playbook;
    playbook.redeploy = "{trustPolicy: release-images, requireApproval: true}";
    scenario.write_playbook(playbook);
  }
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const auto neighbours = scenario.pods_of("neighbour");
  const json neighbours_before = scenario.identities(neighbours);

  const std::string name = scenario.breach(victim);
  if (asks) {
    const json waiting = scenario.eventually_condition(name, "Redeployed", "False", "AwaitingApproval");
    CHECK(condition_status(waiting, "Contained") == "True");
    CHECK(status_text(waiting, "awaiting") == "redeploy");
    CHECK(status_text(waiting, "awaitingReason").find("restarts all of its 3 pods") != std::string::npos);
    check_quarantined(scenario, victim, name);
    CHECK(image_of_template(scenario) == image.by_tag);
    scenario.decide(name, "redeploy", true);
  }
  scenario.eventually_condition(name, "Redeployed", "True");
  for (const json& pod : scenario.pods_of("web"))
    CHECK(pod["status"]["containerStatuses"][0]["imageID"].get<std::string>().ends_with(image.digest));
  const json incident = scenario.eventually_condition(name, "Closed", "True");

  CHECK(image_of_template(scenario) == image.by_digest);
  CHECK(condition_status(incident, "Redeployed") == "True");
  CHECK(journal_ids(incident, "applied") == std::vector<std::string>{"contain/isolate", "redeploy/pin"});
  CHECK(*time_of(incident, "contained") <= *time_of(incident, "redeployed"));
  check_times(incident);
  check_quarantined(scenario, victim, name);
  check_shop_is_open(scenario, image.digest);
  CHECK(scenario.identities(neighbours) == neighbours_before);
}

TEST_CASE("14: a Deployment that keeps no old ReplicaSet is recovered like any other", "[scenario]") {
  Scenario scenario;
  const Image image = scenario.push_signed("shop/web", "1.0", "web 1.0");
  scenario.open_shop(image.by_tag);
  scenario.patch(k8s::kDeployments, "web", k8s::JsonPatch().add("/spec/revisionHistoryLimit", 0));
  PlaybookText playbook;
  playbook.verify = "{readySeconds: 30, quietSeconds: 3}";
  scenario.write_playbook(playbook);
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const std::string old_set = victim["metadata"]["ownerReferences"][0]["name"];

  const std::string name = scenario.breach(victim);
  scenario.eventually_condition(name, "Redeployed", "True");
  if (scenario.world().can_express(Ability::kSchemas)) {
    scenario.eventually("the old ReplicaSet is gone",
                        [&] { return scenario.get(k8s::kReplicaSets, old_set).is_null(); });
  }
  const json incident = scenario.eventually_condition(name, "Closed", "True", "", 40s);

  CHECK(status_text(incident, "outcome") == "recovered");
  CHECK(image_of_template(scenario) == image.by_digest);
  CHECK(count_in_timeline(incident, "OwnerGone") == 0);
}

TEST_CASE("14: what somebody rolls out while a pin waits for a person is not rolled back", "[scenario]") {
  Scenario scenario;
  const Image first = scenario.push_signed("shop/web", "1.0", "web 1.0");
  const Image second = scenario.push_signed("shop/web", "2.0", "web 2.0");
  scenario.open_shop(first.by_tag);
  PlaybookText playbook;
  playbook.redeploy = "{trustPolicy: release-images, requireApproval: true}";
  scenario.write_playbook(playbook);
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);

  const std::string name = scenario.breach(victim);
  scenario.eventually_condition(name, "Redeployed", "False", "AwaitingApproval");
  scenario.patch(k8s::kDeployments, "web",
                 k8s::JsonPatch().replace("/spec/template/spec/containers/0/image", second.by_digest));
  const json incident = scenario.eventually_condition(name, "Closed", "True");

  CHECK(image_of_template(scenario) == second.by_digest);
  CHECK(incident["status"]["images"][0]["digest"] == second.digest);
  CHECK(incident["status"]["images"][0]["asked"] == second.by_digest);
  CHECK(count_in_timeline(incident, "decided anew") == 1);
  CHECK(journal_ids(incident, "applied") == std::vector<std::string>{"contain/isolate"});
  check_quarantined(scenario, victim, name);
  check_shop_is_open(scenario, second.digest);
}

TEST_CASE("14: a tag that somebody rolls out while a pin waits for a person is not pinned back",
          "[scenario]") {
  const bool is_same_tag = GENERATE(false, true);
  INFO((is_same_tag ? "the same tag, pushed again" : "another tag"));
  Scenario scenario;
  const Image first = scenario.push_signed("shop/web", "1.0", "web 1.0");
  scenario.open_shop(first.by_tag);
  PlaybookText playbook;
  playbook.redeploy = "{trustPolicy: release-images, requireApproval: true}";
  scenario.write_playbook(playbook);
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const std::string name = scenario.breach(victim);
  scenario.eventually_condition(name, "Redeployed", "False", "AwaitingApproval");

  const Image second = scenario.push_signed("shop/web", is_same_tag ? "1.0" : "2.0", "web 2.0");
  k8s::JsonPatch rollout;
  rollout.replace("/spec/template/spec/containers/0/image", second.by_tag);
  rollout.add("/spec/template/metadata/annotations", {{"kubectl.kubernetes.io/restartedAt", "now"}});
  scenario.patch(k8s::kDeployments, "web", rollout);
  scenario.eventually_incident(name, "the images are decided anew", [&](const json& incident) {
    return count_in_timeline(incident, "decided anew") == 1 && incident["status"].contains("images") &&
           incident["status"]["images"][0]["digest"] == second.digest;
  });
  CHECK(image_of_template(scenario) == second.by_tag);
  scenario.eventually_condition(name, "Redeployed", "False", "AwaitingApproval");
  scenario.decide(name, "redeploy", true);
  const json incident = scenario.eventually_condition(name, "Closed", "True");

  CHECK(image_of_template(scenario) == second.by_digest);
  CHECK(journal_ids(incident, "applied") == std::vector<std::string>{"contain/isolate", "redeploy/pin"});
  check_shop_is_open(scenario, second.digest);
}

TEST_CASE("15: a tag that points to an unsigned digest now is pinned to the last known good", "[scenario]") {
  Scenario scenario;
  const Image good = scenario.push_signed("shop/web", "1.0", "web 1.0");
  scenario.open_shop(good.by_tag);
  scenario.start();
  wait_until_known_good(scenario, good.digest);
  const Image evil = scenario.push("shop/web", "1.0", "web 1.0, but evil");
  const json victim = replace_a_pod(scenario);
  const auto neighbours = scenario.pods_of("neighbour");
  const json neighbours_before = scenario.identities(neighbours);

  const std::string name = scenario.breach(victim);
  const json incident = scenario.eventually_condition(name, "Closed", "True");

  CHECK(image_of_template(scenario) == good.by_digest);
  CHECK(incident["status"]["images"][0]["origin"] == "LastKnownGood");
  CHECK(count_in_timeline(incident, evil.digest) >= 1);
  CHECK(condition_status(incident, "Redeployed") == "True");
  check_quarantined(scenario, victim, name);
  check_shop_is_open(scenario, good.digest);
  CHECK(scenario.identities(neighbours) == neighbours_before);
}

TEST_CASE("16: an unsigned image with nothing known good is contained, and a person is asked", "[scenario]") {
  Scenario scenario;
  const Image image = scenario.push("shop/web", "1.0", "web 1.0");
  scenario.open_shop(image.by_digest);
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const Bystanders bystanders(scenario, victim);

  const std::string name = scenario.breach(victim);
  const json incident = scenario.eventually_condition(name, "Redeployed", "False", "NoSignature");

  CHECK(condition_status(incident, "Contained") == "True");
  CHECK(condition_message(incident, "Redeployed").find(image.by_digest) != std::string::npos);
  CHECK(condition_message(incident, "Redeployed").find("release-images") != std::string::npos);
  CHECK(status_text(incident, "awaiting") == "redeploy");
  CHECK(status_text(incident, "stage") == "AwaitingApproval");
  check_quarantined(scenario, victim, name);
  scenario.holds_for(1500ms, "it never counts as recovered",
                     [&] { return condition_status(scenario.incident(name), "Recovered").empty(); });
  bystanders.check_all_unchanged();

  // Once somebody signs it, it goes on by itself.
  scenario.world().registry().sign(image.repository, image.digest, scenario.key());
  const json closed =
      scenario.eventually_condition(name, "Closed", "True", "", 60s);  // refusals are remembered for 30 s
  CHECK(condition_status(closed, "Recovered") == "True");
  CHECK(status_text(closed, "awaiting").empty());
  bystanders.check_all_unchanged();
}

TEST_CASE("20: a template that belongs to GitOps is not pinned", "[scenario]") {
  Scenario scenario;
  const Image image = scenario.push_signed("shop/web", "1.0", "web 1.0");
  scenario.open_shop(image.by_tag);
  std::string owner;
  SECTION("an Argo CD application") {
    owner = "Argo CD application shop";
    k8s::JsonPatch track;
    if (!scenario.get(k8s::kDeployments, "web")["metadata"].contains("annotations"))
      track.add("/metadata/annotations", json::object());
    track.add("/metadata/annotations/argocd.argoproj.io~1tracking-id",
              "shop:apps/Deployment:" + scenario.shop() + "/web");
    scenario.patch(k8s::kDeployments, "web", track);
  }
  SECTION("a Flux kustomization") {
    owner = "Flux kustomization";
    scenario.patch(k8s::kDeployments, "web",
                   k8s::JsonPatch()
                       .add("/metadata/labels/kustomize.toolkit.fluxcd.io~1name", "apps")
                       .add("/metadata/labels/kustomize.toolkit.fluxcd.io~1namespace", "flux-system"));
  }
  scenario.start();
  const json victim = scenario.pods_of("web").at(0);
  const Bystanders bystanders(scenario, victim);

  const std::string name = scenario.breach(victim);
  const json incident = scenario.eventually_condition(name, "Redeployed", "False", "GitOpsManaged");

  CHECK(condition_message(incident, "Redeployed").find(owner) != std::string::npos);
  CHECK(condition_message(incident, "Redeployed").find(image.digest) != std::string::npos);
  CHECK(condition_status(incident, "Contained") == "True");
  CHECK(journal_ids(incident, "applied") == std::vector<std::string>{"contain/isolate"});
  scenario.holds_for(1s, "the template stays Git's",
                     [&] { return image_of_template(scenario) == image.by_tag; });
  bystanders.check_all_unchanged();

  // Git renders the accepted digest: from there on it is an ordinary rollout.
  scenario.patch(k8s::kDeployments, "web",
                 k8s::JsonPatch().replace("/spec/template/spec/containers/0/image", image.by_digest));
  scenario.eventually_condition(name, "Closed", "True");
  check_shop_is_open(scenario, image.digest);
}

TEST_CASE("22: a bare pod is contained, and recreated where the playbook or a person says so", "[scenario]") {
  Scenario scenario;
  const Image image = scenario.push_signed("shop/tool", "1.0", "tool 1.0");
  const bool by_playbook = GENERATE(true, false);
  PlaybookText playbook;
  if (by_playbook) playbook.redeploy = "{trustPolicy: release-images, recreate: true}";
  scenario.write_playbook(playbook);
  json pod = bare_pod("tool", image.by_tag);
  pod["metadata"]["annotations"] = {{"team", "shop"}};
  scenario.create(k8s::kPods, pod);
  scenario.eventually("the pod is Ready", [&] { return is_ready(scenario.get(k8s::kPods, "tool")); });
  scenario.start();
  const json victim = scenario.get(k8s::kPods, "tool");

  const std::string name = scenario.breach(victim);
  if (!by_playbook) {
    const json waiting = scenario.eventually_condition(name, "Redeployed", "False", "AwaitingApproval");
    CHECK(condition_status(waiting, "Contained") == "True");
    CHECK(status_text(waiting, "awaiting") == "redeploy");
    scenario.holds_for(500ms, "nothing is recreated unasked",
                       [&] { return scenario.pods_of("tool").empty(); });
    scenario.decide(name, "redeploy", true);
  }
  const json incident = scenario.eventually_condition(name, "Closed", "True");

  check_quarantined(scenario, victim, name);
  const auto pods = scenario.pods_of("tool");
  REQUIRE(pods.size() == 1);
  const json& replacement = pods.front();
  CHECK(name_of(replacement) != "tool");
  CHECK(status_text(incident, "replacement") == name_of(replacement));
  CHECK(labels_of(replacement) == labels_of(victim));
  CHECK_FALSE(is_quarantined(replacement));
  CHECK(is_ready(replacement));
  CHECK(replacement["spec"]["containers"][0]["image"] == image.by_digest);
  CHECK(replacement["status"]["containerStatuses"][0]["imageID"].get<std::string>().ends_with(image.digest));
  CHECK(journal_ids(incident, "applied") == std::vector<std::string>{"contain/isolate", "redeploy/recreate"});
  CHECK(condition_reason(incident, "Recovered") == "Ready");
}

TEST_CASE("22: a bare pod that was recreated just before a crash is taken up though its victim is gone",
          "[scenario]") {
  Scenario scenario;
  const Image image = scenario.push_signed("shop/tool", "1.0", "tool 1.0");
  PlaybookText playbook;
  playbook.redeploy = "{trustPolicy: release-images, recreate: true}";
  scenario.write_playbook(playbook);
  scenario.create(k8s::kPods, bare_pod("tool", image.by_tag));
  scenario.eventually("the pod is Ready", [&] { return is_ready(scenario.get(k8s::kPods, "tool")); });
  const bool was_made = GENERATE(true, false);
  faults::Rule rule;
  rule.fault.kind = was_made ? faults::Fault::Kind::kCutAfter : faults::Fault::Kind::kCutBefore;
  rule.method = "POST";
  rule.path_part = "/namespaces/" + scenario.shop() + "/pods";
  rule.dry_runs = false;
  rule.most = 1;
  rule.hook = [&](const faults::Call&) { scenario.controller().kill(); };
  scenario.proxy().begin({rule});
  ControllerProcess& life = scenario.start();

  const std::string name = scenario.breach(scenario.get(k8s::kPods, "tool"));
  scenario.eventually("the controller dies", [&] { return !life.is_running(); });
  scenario.remove(k8s::kPods, "tool");
  scenario.eventually("the victim is gone", [&] { return scenario.get(k8s::kPods, "tool").is_null(); });
  CHECK(scenario.pods_of("tool").size() == (was_made ? 1 : 0));
  scenario.start();

  if (!was_made) {
    scenario.eventually_condition(name, "Redeployed", "False", "VictimGone", 40s);
    CHECK(scenario.pods_of("tool").empty());
    return;
  }
  const json incident = scenario.eventually_condition(name, "Closed", "True", "", 40s);
  const auto pods = scenario.pods_of("tool");
  REQUIRE(pods.size() == 1);
  CHECK(status_text(incident, "outcome") == "recovered");
  CHECK(status_text(incident, "replacement") == name_of(pods.front()));
  CHECK(journal_ids(incident, "applied") == std::vector<std::string>{"contain/isolate", "redeploy/recreate"});
  CHECK(journal_ids(incident, "planned").empty());
}

TEST_CASE("a workload that is scaled to 0 is not called recovered before something runs", "[scenario]") {
  Scenario scenario;
  const Image image = scenario.push_signed("shop/web", "1.0", "web 1.0");
  scenario.open_shop(image.by_tag);
  PlaybookText playbook;
  playbook.redeploy = "{trustPolicy: release-images, requireApproval: true}";
  scenario.write_playbook(playbook);
  scenario.start();
  const auto scale_to = [&](int replicas) {
    scenario.patch(k8s::kDeployments, "web", k8s::JsonPatch().replace("/spec/replicas", replicas));
  };

  const std::string name = scenario.breach(scenario.pods_of("web").at(0));
  scenario.eventually_condition(name, "Redeployed", "False", "AwaitingApproval");
  scale_to(0);
  scenario.eventually("nothing runs", [&] { return scenario.pods_of("web").empty(); });
  scenario.decide(name, "redeploy", true);
  scenario.eventually_condition(name, "Redeployed", "False", "ScaledToZero");
  scenario.holds_for(2s, "it is not called recovered", [&] {
    return condition_status(scenario.incident(name), "Recovered") != "True" &&
           !time_of(scenario.incident(name), "recovered");
  });

  scale_to(1);
  const json incident = scenario.eventually_condition(name, "Closed", "True");
  CHECK(status_text(incident, "outcome") == "recovered");
  CHECK(image_of_template(scenario) == image.by_digest);
}

}  // namespace kintsugi::scenarios
