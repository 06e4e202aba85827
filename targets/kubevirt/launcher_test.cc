// SPDX-License-Identifier: Apache-2.0
#include "targets/kubevirt/launcher.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "k8s-client/core/patch.h"

using namespace kintsugi;
using namespace kintsugi::targets;
using nlohmann::json;

namespace {

json launcher_document() {
  return json::parse(R"({
    "metadata": {"namespace": "shop", "name": "virt-launcher-web-x", "uid": "p1",
                 "labels": {"kubevirt.io": "virt-launcher", "kubevirt.io/created-by": "i1", "app": "web",
                            "vm.kubevirt.io/name": "web"},
                 "annotations": {"kubevirt.io/domain": "web"},
                 "ownerReferences": [{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance",
                                      "name": "web", "uid": "i1", "controller": true}]},
    "spec": {"containers": [{"name": "compute", "image": "r/launcher:1"}]},
    "status": {"phase": "Running"}})");
}

Pod view(const json& document) {
  return pod_from(from_json(document)).value();
}

MachineInstance running() {
  MachineInstance instance;
  instance.meta.name = "web";
  instance.phase = "Running";
  return instance;
}

LauncherProof proof(bool isolated) {
  LauncherProof proof{"virt-launcher-web-x", {}};
  proof.proof.isolated = isolated;
  return proof;
}

}  // namespace

TEST_CASE("a launcher is told from a plain pod by its owner, whatever its labels say") {
  json document = launcher_document();
  CHECK(is_launcher(view(document)));
  CHECK(instance_of(view(document)) == TargetRef{"VirtualMachineInstance", "shop", "web", "i1"});
  SECTION("without the label") {
    document["metadata"]["labels"].erase("kubevirt.io");
    CHECK(is_launcher(view(document)));
  }
  SECTION("without the owner it is a plain pod") {
    document["metadata"].erase("ownerReferences");
    CHECK_FALSE(is_launcher(view(document)));
    CHECK_FALSE(instance_of(view(document)));
  }
  SECTION("an owner of that kind in another group is nobody") {
    document["metadata"]["ownerReferences"][0]["apiVersion"] = "evil.io/v1";
    CHECK_FALSE(instance_of(view(document)));
  }
  SECTION("nor is one without UID, or one that does not control it") {
    document["metadata"]["ownerReferences"][0]["uid"] = "";
    CHECK_FALSE(instance_of(view(document)));
    document["metadata"]["ownerReferences"][0]["uid"] = "i1";
    document["metadata"]["ownerReferences"][0]["controller"] = false;
    CHECK_FALSE(instance_of(view(document)));
  }
}

TEST_CASE("a launcher in quarantine keeps what KubeVirt finds it by, and nothing else") {
  const json before = launcher_document();
  const Action action = plan_launcher_isolation(view(before), "inc-1", "");
  CHECK(action.id == "contain/isolate/p1");
  const auto after = k8s::apply_json_patch(before, action.body);
  REQUIRE(after);
  CHECK((*after)["metadata"]["labels"] == json({{"kubevirt.io", "virt-launcher"},
                                                {"kubevirt.io/created-by", "i1"},
                                                {"kintsugi.dev/quarantine", "true"}}));
  CHECK((*after)["metadata"]["ownerReferences"] == before["metadata"]["ownerReferences"]);
  const auto undo = find_undo(view(*after), std::nullopt);
  REQUIRE(undo);
  CHECK(undo->labels == Labels{{"app", "web"}, {"vm.kubevirt.io/name", "web"}});
  const auto restoration = plan_restoration(view(*after), "inc-1", *undo);
  REQUIRE(restoration);
  CHECK(k8s::apply_json_patch(*after, restoration->body).value() == before);
}

TEST_CASE("a kept label that changes meanwhile makes the patch fail, as any other") {
  const Action action = plan_launcher_isolation(view(launcher_document()), "inc-1", "");
  json moved = launcher_document();
  moved["metadata"]["labels"]["kubevirt.io/created-by"] = "i2";
  CHECK_FALSE(k8s::apply_json_patch(moved, action.body));
}

TEST_CASE("whether a machine may be paused") {
  CHECK(may_pause(running()).possible);
  MachineInstance instance = running();
  SECTION("not with a liveness probe, ever") {
    instance.has_liveness_probe = true;
    CHECK_FALSE(may_pause(instance).possible);
    CHECK_FALSE(may_pause(instance).pending);
    CHECK(may_pause(instance).why_not.find("liveness") != std::string::npos);
  }
  SECTION("not while it migrates, but afterwards") {
    instance.is_migrating = true;
    CHECK_FALSE(may_pause(instance).possible);
    CHECK(may_pause(instance).pending);
  }
  SECTION("not before it runs, but then") {
    instance.phase = "Scheduling";
    CHECK(may_pause(instance).pending);
  }
  SECTION("not when it has ended") {
    instance.phase = "Succeeded";
    CHECK_FALSE(may_pause(instance).pending);
  }
}

TEST_CASE("what is said of a machine's isolation") {
  struct Case {
    const char* what;
    void (*change)(MachineInstance&);
    bool isolated, wants_pause;
    ConditionStatus status;
    const char* reason;
    const char* said;
  };
  const Case cases[] = {
      {"paused", [](MachineInstance& i) { i.paused = true; }, true, true, ConditionStatus::kTrue, "Paused",
       "processors are stopped"},
      {"not paused yet", [](MachineInstance&) {}, true, true, ConditionStatus::kFalse, "NotPaused",
       "not stopped"},
      {"pause not wanted", [](MachineInstance&) {}, true, false, ConditionStatus::kTrue, "PolicyEvaluated",
       "not stopped"},
      {"cannot be paused", [](MachineInstance& i) { i.has_liveness_probe = true; }, true, true,
       ConditionStatus::kTrue, "PolicyEvaluated", "liveness probe"},
      {"still migrating", [](MachineInstance& i) { i.is_migrating = true; }, true, true,
       ConditionStatus::kFalse, "NotPaused", "migrated"},
      {"ended", [](MachineInstance& i) { i.phase = "Failed"; }, true, true, ConditionStatus::kTrue,
       "PolicyEvaluated", "does not run"},
      {"a leak counts, paused or not", [](MachineInstance& i) { i.paused = true; }, false, true,
       ConditionStatus::kFalse, "NotEvaluated", "virt-launcher-web-x"},
      {"no policy reaches another network", [](MachineInstance& i) { i.networks = {{"ops/storage", "san"}}; },
       true, false, ConditionStatus::kFalse, "SecondaryNetworks", "ops/storage"},
  };
  for (const Case& row : cases) {
    INFO(row.what);
    MachineInstance instance = running();
    row.change(instance);
    const Finding finding = assess_machine(instance, {proof(row.isolated)}, row.wants_pause);
    CHECK(finding.status == row.status);
    CHECK(finding.reason == row.reason);
    CHECK(finding.message.find(row.said) != std::string::npos);
  }
}

TEST_CASE("a network that no policy reaches is cut off where KubeVirt shows its link as down") {
  MachineInstance instance = running();
  instance.paused = true;
  instance.networks = {{"ops/storage", "san", true, true}, {"ops/backup", "backup", true, false}};
  const Finding refused = assess_machine(instance, {proof(true)}, true, {false, "it is so"});
  CHECK(refused.reason == "SecondaryNetworks");
  CHECK(refused.message.find("ops/backup") != std::string::npos);
  CHECK(refused.message.find("ops/storage") == std::string::npos);
  CHECK(refused.message.find("it is so") != std::string::npos);
  const Finding pending = assess_machine(instance, {proof(true)}, true, {true, ""});
  CHECK(pending.reason == "LinksNotDown");
  CHECK_FALSE(pending.holds());
  instance.networks[1].is_down = true;
  const Finding down = assess_machine(instance, {proof(true)}, true);
  CHECK(down.reason == "Paused");
  CHECK(down.message.find("the link of ops/storage, ops/backup is down") != std::string::npos);
  CHECK_FALSE(assess_machine(instance, {proof(false)}, true).holds());
}

TEST_CASE("one launcher that leaks is enough, as during a migration") {
  MachineInstance instance = running();
  instance.paused = true;
  CHECK(assess_machine(instance, {proof(true), proof(true)}, true).holds());
  CHECK_FALSE(assess_machine(instance, {proof(true), proof(false)}, true).holds());
}
