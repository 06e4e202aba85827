// SPDX-License-Identifier: Apache-2.0
#include "targets/kubevirt/machine_readiness.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace kintsugi;
using namespace kintsugi::targets;
using nlohmann::json;
using Source = MachineVolume::Source;

namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

json document() {
  return json::parse(R"({"metadata": {"namespace": "shop", "name": "web", "uid": "m1"},
    "spec": {"template": {"spec": {"domain": {"devices": {"interfaces": [{"name": "san"}]}}}}}})");
}

MachineInstance attached() {
  MachineInstance instance;
  instance.phase = "Running";
  instance.networks = {{"ops/storage", "san", true, false}};
  return instance;
}

Readiness containable() {
  Readiness readiness;
  readiness.containable = true;
  readiness.containable_reason = "PolicyEvaluated";
  return readiness;
}

Machine machine(const std::string& image) {
  Machine machine;
  machine.meta.name = "web";
  machine.run_strategy = "Always";
  machine.volumes = {{"root", Source::kContainerDisk, image}, {"data", Source::kPersistent, "web-data"}};
  machine.root_volume = "root";
  return machine;
}

TrustedImage accepted() {
  TrustedImage image;
  image.container = "volumeroot";
  image.digest = kDigest;
  return image;
}

}  // namespace

TEST_CASE("a network that no policy reaches is containable where its link would go down") {
  Readiness readiness = containable();
  assess_machine_containability(attached(), document(), "", readiness);
  CHECK(readiness.containable);
  CHECK(readiness.containable_message.find("ops/storage") != std::string::npos);
}

TEST_CASE("a network whose link would stay up makes a machine uncontainable") {
  struct Case {
    const char* what;
    void (*change)(MachineInstance&, json&);
    const char* said;
  };
  const Case cases[] = {
      {"a probe", [](MachineInstance& i, json&) { i.has_liveness_probe = true; }, "liveness probe"},
      {"SR-IOV", [](MachineInstance& i, json&) { i.networks[0].has_link = false; }, "no link state"},
      {"one of two", [](MachineInstance& i, json&) { i.networks.push_back({"ops/sriov", "fast"}); },
       "ops/sriov"},
      {"no machine", [](MachineInstance&, json& machine) { machine = nullptr; }, "no VirtualMachine"},
      {"no such card", [](MachineInstance&, json& machine) { machine["spec"] = json::object(); },
       "no such card"},
      {"GitOps",
       [](MachineInstance&, json& machine) {
         machine["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = "shop:x";
       },
       "Argo CD"},
  };
  for (const Case& each : cases) {
    INFO(each.what);
    MachineInstance instance = attached();
    json live = document();
    each.change(instance, live);
    Readiness readiness = containable();
    assess_machine_containability(instance, live, "", readiness);
    CHECK_FALSE(readiness.containable);
    CHECK(readiness.containable_reason == "SecondaryNetworks");
    CHECK(readiness.containable_message.find(each.said) != std::string::npos);
  }
}

TEST_CASE("a network whose link the server would not take down makes a machine uncontainable") {
  Readiness readiness = containable();
  assess_machine_containability(attached(), document(), "webhook says no", readiness);
  CHECK_FALSE(readiness.containable);
  CHECK(readiness.containable_message.find("webhook says no") != std::string::npos);

  MachineInstance down = attached();
  down.networks[0].is_down = true;
  readiness = containable();
  assess_machine_containability(down, document(), "webhook says no", readiness);
  CHECK(readiness.containable);
}

TEST_CASE("a migration, which a breach ends, keeps no link up") {
  MachineInstance instance = attached();
  instance.is_migrating = true;
  CHECK(plan_links_down_by_day(document(), instance));
  Readiness readiness = containable();
  assess_machine_containability(instance, document(), "", readiness);
  CHECK(readiness.containable);
}

TEST_CASE("no change of links is tried by day where a breach would make none") {
  MachineInstance probed = attached();
  probed.has_liveness_probe = true;
  CHECK_FALSE(plan_links_down_by_day(document(), probed));
  CHECK_FALSE(plan_links_down_by_day(nullptr, attached()));
  CHECK_FALSE(plan_links_down_by_day(document(), MachineInstance()));
  json kept = document();
  kept["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = "shop:x";
  CHECK_FALSE(plan_links_down_by_day(kept, attached()));
}

TEST_CASE("what leaks by a policy stays the reason, and a machine that cannot be paused is told") {
  Readiness leaking;
  leaking.containable_reason = "NetworkPolicyAllows";
  MachineInstance instance = attached();
  instance.has_liveness_probe = true;
  assess_machine_containability(instance, document(), "", leaking);
  CHECK(leaking.containable_reason == "NetworkPolicyAllows");
  CHECK(leaking.containable_message.find("not be paused") != std::string::npos);

  Readiness readiness = containable();
  instance.networks.clear();
  assess_machine_containability(instance, document(), "", readiness);
  CHECK(readiness.containable);
  CHECK(readiness.containable_message.find("not be paused") != std::string::npos);
}

TEST_CASE("what no image brings back is not prepared, with the reason of the breach") {
  Readiness readiness;
  CHECK_FALSE(find_rebuild_obstacle(machine("r/os:1"), readiness));
  CHECK(find_rebuild_obstacle(std::nullopt, readiness));
  CHECK(readiness.prepared_reason == "BareInstance");
  Machine booted = machine("r/os:1");
  booted.root_volume = "data";
  CHECK(find_rebuild_obstacle(booted, readiness));
  CHECK(readiness.prepared_reason == "NotRebuildable");
  for (const char* strategy : {"Once", "Halted", "", "Sometimes"}) {
    INFO(strategy);
    Machine other = machine("r/os:1");
    other.run_strategy = strategy;
    CHECK(find_rebuild_obstacle(other, readiness));
    CHECK(readiness.prepared_reason == "RunStrategy");
    CHECK_FALSE(readiness.prepared);
  }
}

TEST_CASE("a template is prepared that names accepted digests, and volumes that stay are told") {
  Readiness readiness;
  assess_machine_images(machine("r/os@" + kDigest), {accepted()}, readiness);
  CHECK(readiness.prepared);
  CHECK(readiness.prepared_reason == "TemplateAccepted");
  CHECK(readiness.prepared_message.find("data") != std::string::npos);

  Machine kept = machine("r/os:1");
  kept.gitops_owner = "Argo CD application shop";
  for (const auto& [template_image, said] :
       {std::pair(machine("r/os:1"), "will pin"), std::pair(kept, "Argo CD application shop"),
        std::pair(machine("r/os@sha256:" + std::string(64, 'b')), "will pin")}) {
    Readiness not_pinned;
    assess_machine_images(template_image, {accepted()}, not_pinned);
    CHECK_FALSE(not_pinned.prepared);
    CHECK(not_pinned.prepared_reason == "NotPinned");
    CHECK(not_pinned.prepared_message.find(said) != std::string::npos);
  }
  Readiness nothing;
  assess_machine_images(machine("r/os@" + kDigest), {}, nothing);
  CHECK_FALSE(nothing.prepared);
}

TEST_CASE("a machine that boots from a DataVolume is prepared unless GitOps would keep the old one") {
  Machine imported = machine("");
  imported.volumes[0] = {"root", Source::kDataVolume, "web-root"};
  imported.data_volume_templates = {{"web-root", "docker://r/os@" + kDigest}};
  TrustedImage image = accepted();
  image.container = "datavolume/root";
  Readiness readiness;
  assess_machine_images(imported, {image}, readiness);
  CHECK(readiness.prepared);
  CHECK(readiness.prepared_message.find("web-root is imported anew") != std::string::npos);

  imported.gitops_owner = "Argo CD application shop";
  Readiness kept;
  assess_machine_images(imported, {image}, kept);
  CHECK_FALSE(kept.prepared);
  CHECK(kept.prepared_reason == "GitOpsManaged");
}
