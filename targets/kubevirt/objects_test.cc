// SPDX-License-Identifier: Apache-2.0
#include "targets/kubevirt/objects.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace kintsugi;
using namespace kintsugi::targets;
using nlohmann::json;
using Source = MachineVolume::Source;

namespace {

json instance_document() {
  return json::parse(R"({
    "metadata": {"namespace": "shop", "name": "web", "uid": "i1",
                 "ownerReferences": [{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "name": "web",
                                      "uid": "m1", "controller": true}]},
    "spec": {"networks": [{"name": "default", "pod": {}}]},
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"},
                                                  {"type": "AgentConnected", "status": "True"}]}})");
}

json machine_document() {
  return json::parse(R"({
    "metadata": {"namespace": "shop", "name": "web", "uid": "m1"},
    "spec": {"runStrategy": "Always",
             "dataVolumeTemplates": [{"metadata": {"name": "root"},
                                      "spec": {"source": {"registry": {"url": "docker://r/os:1"}}}}],
             "template": {"spec": {
               "domain": {"devices": {"disks": [{"name": "seed"}, {"name": "root", "bootOrder": 1}]}},
               "volumes": [{"name": "seed", "cloudInitNoCloud": {"userData": "x"}},
                           {"name": "root", "dataVolume": {"name": "root"}},
                           {"name": "tools", "containerDisk": {"image": "r/tools:1"}},
                           {"name": "data", "persistentVolumeClaim": {"claimName": "data-0"}}]}}}})");
}

MachineInstance instance(const json& document) {
  return machine_instance_from(from_json(document)).value();
}
Machine machine(const json& document) {
  return machine_from(from_json(document)).value();
}

}  // namespace

TEST_CASE("an instance says who runs it and how it is") {
  const MachineInstance read = instance(instance_document());
  CHECK(read.ref() == TargetRef{"VirtualMachineInstance", "shop", "web", "i1"});
  CHECK(read.meta.controller == OwnerRef{"VirtualMachine", "web", "m1"});
  CHECK(read.phase == "Running");
  CHECK((read.ready && read.agent_connected));
  CHECK_FALSE((read.paused || read.has_liveness_probe || read.is_migrating || read.is_final()));
  CHECK(read.networks.empty());
}

TEST_CASE("what of an instance matters to its isolation") {
  json document = instance_document();
  document["status"]["conditions"].push_back({{"type", "Paused"}, {"status", "True"}});
  CHECK(instance(document).paused);
  document["status"]["conditions"].back()["status"] = "False";
  CHECK_FALSE(instance(document).paused);
  document["spec"]["livenessProbe"] = {{"tcpSocket", {{"port", 80}}}};
  CHECK(instance(document).has_liveness_probe);
  document["status"]["migrationState"] = {{"startTimestamp", "2026-01-01T00:00:00Z"}};
  CHECK(instance(document).is_migrating);
  document["status"]["migrationState"]["completed"] = true;
  CHECK_FALSE(instance(document).is_migrating);
  document["spec"]["networks"].push_back({{"name", "san"}, {"multus", {{"networkName", "ops/storage"}}}});
  CHECK(instance(document).networks == std::vector<MachineNetwork>{{"ops/storage", "san", false, false}});
  json& cards = document["spec"]["domain"]["devices"]["interfaces"];
  cards = {{{"name", "default"}}, {{"name", "san"}, {"bridge", json::object()}}};
  document["status"]["interfaces"] = {{{"name", "default"}, {"linkState", "down"}}};
  CHECK(instance(document).networks == std::vector<MachineNetwork>{{"ops/storage", "san", true, false}});
  document["status"]["interfaces"].push_back({{"name", "san"}, {"linkState", "down"}});
  CHECK(instance(document).networks == std::vector<MachineNetwork>{{"ops/storage", "san", true, true}});
  cards[1] = {{"name", "san"}, {"sriov", json::object()}};  // whatever is said of its link
  CHECK(instance(document).networks == std::vector<MachineNetwork>{{"ops/storage", "san", false, false}});
  document["spec"]["networks"].back()["multus"]["default"] = true;
  CHECK(instance(document).networks.empty());
  document["status"]["phase"] = "Failed";
  CHECK(instance(document).is_final());
}

TEST_CASE("a machine says what it boots from and works with") {
  const Machine read = machine(machine_document());
  CHECK(read.run_strategy == "Always");
  CHECK(read.root_volume == "root");
  REQUIRE(read.volumes.size() == 4);
  CHECK(read.volumes[0].source == Source::kOther);
  CHECK(read.volumes[1].source == Source::kDataVolume);
  CHECK(read.volumes[2].source == Source::kContainerDisk);
  CHECK(read.volumes[2].reference == "r/tools:1");
  CHECK(read.volumes[3].source == Source::kPersistent);
  CHECK(read.volumes[3].reference == "data-0");
  REQUIRE(read.data_volume_templates.size() == 1);
  CHECK(read.data_volume_templates[0].registry_url == "docker://r/os:1");
  CHECK(read.kernel_boot_image.empty());
  CHECK(read.gitops_owner.empty());
}

TEST_CASE("the volume that a machine boots from") {
  json document = machine_document();
  json& disks = document["spec"]["template"]["spec"]["domain"]["devices"]["disks"];
  SECTION("the lowest order wins") {
    disks[0]["bootOrder"] = 2;
    CHECK(machine(document).root_volume == "root");
  }
  SECTION("without any order it is the first disk") {
    disks[1].erase("bootOrder");
    CHECK(machine(document).root_volume == "seed");
  }
  SECTION("without disks it is the first volume") {
    disks = json::array();
    CHECK(machine(document).root_volume == "seed");
  }
  SECTION("with nothing at all there is none") {
    document["spec"]["template"]["spec"] = json::object();
    CHECK(machine(document).root_volume.empty());
  }
}

TEST_CASE("what keeps its bytes is persistent, by whatever name") {
  json document = machine_document();
  json& volume = document["spec"]["template"]["spec"]["volumes"][0];
  for (const char* source : {R"({"hostDisk": {"path": "/d"}})", R"({"memoryDump": {"claimName": "d"}})",
                             R"({"ephemeral": {"persistentVolumeClaim": {"claimName": "d"}}})"}) {
    INFO(source);
    volume = json::parse(source);
    volume["name"] = "seed";
    CHECK(machine(document).volumes[0].source == Source::kPersistent);
    CHECK_FALSE(machine(document).volumes[0].reference.empty());
  }
}

TEST_CASE("the deprecated way to say that a machine runs") {
  json document = machine_document();
  document["spec"].erase("runStrategy");
  CHECK(machine(document).run_strategy == "Halted");
  document["spec"]["running"] = true;
  CHECK(machine(document).run_strategy == "Always");
}

TEST_CASE("an object without identity is no object, and wrong types are as good as absent") {
  json nameless = instance_document();
  nameless["metadata"].erase("uid");
  CHECK_FALSE(machine_instance_from(from_json(nameless)));
  CHECK_FALSE(machine_from(from_json(json::array())));
  json odd = machine_document();
  odd["spec"]["template"]["spec"]["volumes"] = {{"a", 1}};
  odd["spec"]["dataVolumeTemplates"] = "x";
  odd["spec"]["runStrategy"] = 7;
  const Machine read = machine(odd);
  CHECK(read.volumes.empty());
  CHECK(read.data_volume_templates.empty());
  CHECK(read.run_strategy == "Halted");
}
