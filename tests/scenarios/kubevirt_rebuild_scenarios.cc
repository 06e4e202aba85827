// SPDX-License-Identifier: Apache-2.0
//
// Rebuilds of KubeVirt's virtual machines: from which image, and what of the machine stays as it is.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "checks.h"
#include "kubevirt_stand_in.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

json evidence_manifest(Scenario& scenario, const std::string& incident) {
  const auto text = read_file(scenario.directory() + "/evidence/" + incident + "/manifest.json", 1u << 20);
  REQUIRE(text);
  return json::parse(*text);
}

bool has_file(const json& manifest, const std::string& path) {
  const json& files = manifest["files"];
  return std::any_of(files.begin(), files.end(), [&](const json& file) { return file["path"] == path; });
}

/// Machine "db", which boots from a DataVolume that was imported from the image.
json machine_on_imported_disk(const Image& image) {
  json imported = machine("db", image.by_tag);
  imported["spec"]["template"]["spec"]["volumes"][0] = {{"name", "root"},
                                                        {"dataVolume", {{"name", "db-root"}}}};
  const json source{{"registry", {{"url", "docker://" + image.by_tag}}}};
  imported["spec"]["dataVolumeTemplates"] = json::array(
      {{{"metadata", {{"name", "db-root"}}}, {"spec", {{"source", source}, {"storage", json::object()}}}}});
  return imported;
}

/// Machine "db" with a size by name, and a disk that was plugged in while it ran, as virtctl leaves it.
json sized_machine(const std::string& image, const std::string& run_strategy) {
  json sized = machine("db", image);
  sized["spec"]["runStrategy"] = run_strategy;
  sized["spec"]["instancetype"] = {{"kind", "VirtualMachineInstancetype"}, {"name", "small"}};
  sized["spec"]["preference"] = {{"name", "linux"}};
  json& spec = sized["spec"]["template"]["spec"];
  spec["evictionStrategy"] = "LiveMigrate";
  spec["domain"]["devices"]["disks"].push_back({{"name", "added"}, {"disk", {{"bus", "scsi"}}}});
  spec["volumes"].push_back(
      {{"name", "added"}, {"persistentVolumeClaim", {{"claimName", "db-added"}, {"hotpluggable", true}}}});
  return sized;
}

/// The machine's specification, but for the image of its first volume.
json spec_but_for_image(json machine) {
  machine["spec"]["template"]["spec"]["volumes"][0]["containerDisk"].erase("image");
  return machine["spec"];
}

}  // namespace

TEST_CASE("KubeVirt: a machine is rebuilt from its verified image", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const Image image = scenario.push_signed("shop/os", "1.0", "os 1.0");
  const json launcher = kubevirt.run(machine("db", image.by_tag));
  const json victim = kubevirt.instance("db");
  PlaybookText playbook;
  playbook.collect = "{deadlineSeconds: 5, memoryDumpClaim: dumps}";
  scenario.write_playbook(playbook);
  scenario.start();

  const std::string name = scenario.breach(launcher);
  const json closed = scenario.eventually_condition(name, "Closed", "True", "", 40s);

  CHECK(status_text(closed, "outcome") == "recovered");
  check_times(closed);
  const json now = kubevirt.instance("db");
  CHECK(uid_of(now) != uid_of(victim));
  CHECK_FALSE(kubevirt.is_paused("db"));
  CHECK(scenario.get(k8s::kPods, name_of(launcher)).is_null());
  const auto launchers = kubevirt.launchers(uid_of(now));
  REQUIRE(launchers.size() == 1);
  CHECK_FALSE(is_quarantined(launchers[0]));
  const json rebuilt = scenario.get(kMachines, "db");
  CHECK(rebuilt["spec"]["template"]["spec"]["volumes"][0]["containerDisk"]["image"] == image.by_digest);
  CHECK(rebuilt["spec"]["template"]["spec"]["volumes"][1]["persistentVolumeClaim"]["claimName"] == "db-data");
  CHECK(rebuilt["spec"]["runStrategy"] == "Always");
  CHECK(count_in_timeline(closed, "Volume data keeps") == 1);
  const json manifest = evidence_manifest(scenario, name);
  for (const char* path :
       {"instance.json", "machine.json", "pod.json", "guest/guestosinfo.json", "guest/userlist.json",
        "guest/filesystemlist.json", "snapshot.json", "memory-dump.json"})
    CHECK(has_file(manifest, path));
  CHECK(labels_of(scenario.get(kSnapshots, "kintsugi-" + name)).value("kintsugi.dev/incident", "") == name);
}

TEST_CASE("KubeVirt: a memory that could not be dumped is not ended without asking", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  const std::string claim = GENERATE(kFullClaim, kMissingClaim, kForeignClaim);
  CAPTURE(claim);
  KubeVirt kubevirt(scenario);
  const Image image = scenario.push_signed("shop/os", "1.0", "os 1.0");
  const json launcher = kubevirt.run(machine("db", image.by_tag));
  const json victim = kubevirt.instance("db");
  PlaybookText playbook;
  playbook.collect = "{memoryDumpClaim: " + claim + "}";
  scenario.write_playbook(playbook);
  scenario.start();

  const std::string name = scenario.breach(launcher);
  const json waiting = scenario.eventually_condition(name, "Redeployed", "False", "AwaitingApproval");

  CHECK(condition_status(waiting, "EvidencePreserved") == "True");
  CHECK(condition_reason(waiting, "EvidencePreserved") == "MemoryMissing");
  CHECK(status_text(waiting, "awaiting") == "redeploy");
  CHECK(condition_message(waiting, "Redeployed").starts_with("the memory is not preserved"));
  CHECK(uid_of(kubevirt.instance("db")) == uid_of(victim));

  scenario.decide(name, "redeploy", true);
  const json closed = scenario.eventually_condition(name, "Closed", "True", "", 40s);

  CHECK(status_text(closed, "outcome") == "recovered");
  CHECK(uid_of(kubevirt.instance("db")) != uid_of(victim));
}

TEST_CASE("KubeVirt: a disk that was imported from a registry is imported anew", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const Image image = scenario.push_signed("shop/os", "1.0", "os 1.0");
  const json launcher = kubevirt.run(machine_on_imported_disk(image));
  const json victim = kubevirt.instance("db");
  scenario.write_playbook({});
  scenario.start();

  const std::string name = scenario.breach(launcher);
  const json closed = scenario.eventually_condition(name, "Closed", "True", "", 40s);

  CHECK(status_text(closed, "outcome") == "recovered");
  CHECK(uid_of(kubevirt.instance("db")) != uid_of(victim));
  const json spec = scenario.get(kMachines, "db")["spec"];
  const std::string renewed = spec["template"]["spec"]["volumes"][0]["dataVolume"]["name"];
  CHECK(renewed.starts_with("db-root-k"));
  CHECK(spec["dataVolumeTemplates"][0]["metadata"]["name"] == renewed);
  CHECK(spec["dataVolumeTemplates"][0]["spec"]["source"]["registry"]["url"] == "docker://" + image.by_digest);
}

TEST_CASE("KubeVirt: an instance that was started from the breached disk is not the recovered one",
          "[scenario]") {
  const bool is_imported = GENERATE(true, false);
  CAPTURE(is_imported);
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const Image image = scenario.push_signed("shop/os", "1.0", "os 1.0");
  const json launcher =
      kubevirt.run(is_imported ? machine_on_imported_disk(image) : machine("db", image.by_tag));
  PlaybookText playbook;
  playbook.redeploy = "{trustPolicy: release-images, requireApproval: true}";
  scenario.write_playbook(playbook);
  scenario.start();
  const std::string name = scenario.breach(launcher);
  scenario.eventually_condition(name, "Redeployed", "False", "AwaitingApproval");
  const json victim = kubevirt.instance("db");

  scenario.remove(kInstances, "db");  // as a guest does that powers itself off
  scenario.eventually("KubeVirt has started another", [&] { return kubevirt.instances_made("db") == 2; });
  const json other = kubevirt.instance("db");
  CHECK(other["spec"]["volumes"] == victim["spec"]["volumes"]);
  scenario.decide(name, "redeploy", true);
  const json closed = scenario.eventually_condition(name, "Closed", "True", "", 40s);

  CHECK(status_text(closed, "outcome") == "recovered");
  CHECK(kubevirt.instances_made("db") == 3);
  const json now = kubevirt.instance("db");
  CHECK(uid_of(now) != uid_of(other));
  CHECK(now["spec"]["volumes"] == scenario.get(kMachines, "db")["spec"]["template"]["spec"]["volumes"]);
  CHECK(count_in_timeline(closed, "of the template from before the pin") == 1);
}

TEST_CASE("KubeVirt: a disk that somebody made under the new disk's name is not booted from", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const Image image = scenario.push_signed("shop/os", "1.0", "os 1.0");
  const json launcher = kubevirt.run(machine_on_imported_disk(image));
  const json victim = kubevirt.instance("db");
  PlaybookText playbook;
  playbook.redeploy = "{trustPolicy: release-images, requireApproval: true}";
  scenario.write_playbook(playbook);
  scenario.start();
  const std::string name = scenario.breach(launcher);
  scenario.eventually_condition(name, "Redeployed", "False", "AwaitingApproval");
  const std::string disk = "db-root-k" + sha256_hex(name + " " + image.digest).substr(0, 8);
  const json storage{{"requests", {{"storage", "1Gi"}}}};
  scenario.create({"", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"},
                  {{"metadata", {{"name", disk}}},
                   {"spec", {{"accessModes", {"ReadWriteOnce"}}, {"resources", storage}}}});

  scenario.decide(name, "redeploy", true);
  const json incident = scenario.eventually_condition(name, "Redeployed", "False", "NameTaken");

  CHECK(condition_message(incident, "Redeployed").find(disk) != std::string::npos);
  CHECK(uid_of(kubevirt.instance("db")) == uid_of(victim));
  CHECK(scenario.get(kMachines, "db")["metadata"]["generation"] == 1);
}

TEST_CASE("KubeVirt: a machine is not rebuilt from an image that nobody signed", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const Image image = scenario.push("shop/os", "1.0", "os 1.0");
  const json launcher = kubevirt.run(machine("db", image.by_tag));
  const json victim = kubevirt.instance("db");
  scenario.write_playbook({});
  scenario.start();

  const std::string name = scenario.breach(launcher);
  const json incident = scenario.eventually_incident(name, "it waits for a person", [](const json& now) {
    return status_text(now, "awaiting") == "redeploy";
  });

  CHECK(condition_status(incident, "Redeployed") == "False");
  CHECK(uid_of(kubevirt.instance("db")) == uid_of(victim));
  CHECK(kubevirt.is_paused("db"));
  CHECK(scenario.get(kMachines, "db")["spec"]["template"]["spec"]["volumes"][0]["containerDisk"]["image"] ==
        image.by_tag);
}

TEST_CASE("KubeVirt: what a machine is beside its image stays as it is", "[scenario]") {
  const std::string run_strategy = GENERATE("Manual", "RerunOnFailure");
  CAPTURE(run_strategy);
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const Image image = scenario.push_signed("shop/os", "1.0", "os 1.0");
  const json launcher = kubevirt.run(sized_machine(image.by_tag, run_strategy));
  const json before = scenario.get(kMachines, "db");
  const json victim = kubevirt.instance("db");
  scenario.write_playbook({});
  scenario.start();

  const std::string name = scenario.breach(launcher);
  const json closed = scenario.eventually_condition(name, "Closed", "True", "", 40s);

  CHECK(status_text(closed, "outcome") == "recovered");
  CHECK(uid_of(kubevirt.instance("db")) != uid_of(victim));
  CHECK(kubevirt.instances_made("db") == 2);
  const json after = scenario.get(kMachines, "db");
  CHECK(after["spec"]["template"]["spec"]["volumes"][0]["containerDisk"]["image"] == image.by_digest);
  CHECK(spec_but_for_image(after) == spec_but_for_image(before));
  CHECK(count_in_timeline(closed, "Volume data keeps") == 1);
  CHECK(count_in_timeline(closed, "Volume added keeps") == 1);
}

TEST_CASE("KubeVirt: a machine that may run only once is restarted when a person permits it", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const Image image = scenario.push_signed("shop/os", "1.0", "os 1.0");
  const json launcher = kubevirt.run(sized_machine(image.by_tag, "Once"));
  const json victim = kubevirt.instance("db");
  scenario.write_playbook({});
  scenario.start();
  const std::string name = scenario.breach(launcher);

  const json waiting = scenario.eventually_condition(name, "Redeployed", "False", "RunStrategy");
  CHECK(status_text(waiting, "awaiting") == "redeploy");
  CHECK(uid_of(kubevirt.instance("db")) == uid_of(victim));
  CHECK(kubevirt.is_paused("db"));

  scenario.patch(kMachines, "db", k8s::JsonPatch().replace("/spec/runStrategy", "Always"));
  const json closed = scenario.eventually_condition(name, "Closed", "True", "", 40s);
  CHECK(status_text(closed, "outcome") == "recovered");
  CHECK(uid_of(kubevirt.instance("db")) != uid_of(victim));
  CHECK(kubevirt.instances_made("db") == 2);
}

}  // namespace kintsugi::scenarios
