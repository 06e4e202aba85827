// SPDX-License-Identifier: Apache-2.0
//
// KubeVirt's virtual machines: the launcher of a machine is never treated as a plain pod. Only where there
// are schemas, and other APIs than the API server's own.
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

/// A playbook that contains and collects, and goes no further.
PlaybookText containing() {
  PlaybookText playbook;
  playbook.redeploy = "";
  playbook.verify = "";
  return playbook;
}

bool wears(const json& pod, const std::string& label) {
  return labels_of(pod).contains(label);
}

/// The launcher is in quarantine, and KubeVirt still finds it.
void check_launcher_isolated(Scenario& scenario, const json& before, const std::string& incident) {
  const json launcher = scenario.get(k8s::kPods, name_of(before));
  REQUIRE(uid_of(launcher) == uid_of(before));
  CHECK(is_quarantined(launcher));
  CHECK(annotations_of(launcher).value("kintsugi.dev/incident", "") == incident);
  CHECK(labels_of(launcher)["kubevirt.io/created-by"] == labels_of(before)["kubevirt.io/created-by"]);
  CHECK_FALSE(wears(launcher, "app"));
  CHECK(launcher["metadata"]["ownerReferences"] == before["metadata"]["ownerReferences"]);
}

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

}  // namespace

TEST_CASE("KubeVirt: a machine is isolated and paused; a release gives everything back", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const Image image = scenario.push_signed("shop/os", "1.0", "os 1.0");
  const json launcher = kubevirt.run(machine("db", image.by_digest));
  PlaybookText playbook = containing();
  playbook.verify = "{quietSeconds: 600}";
  playbook.redeploy = "{requireApproval: true}";
  scenario.write_playbook(playbook);
  scenario.start();
  const json instance = kubevirt.instance("db");

  const std::string name = scenario.breach(launcher);
  const json contained = scenario.eventually_condition(name, "Contained", "True", "Paused");

  CHECK(contained["spec"]["target"]["kind"] == "VirtualMachineInstance");
  CHECK(contained["spec"]["target"]["uid"] == uid_of(instance));
  CHECK(contained["spec"]["owner"]["kind"] == "VirtualMachine");
  CHECK(kubevirt.is_paused("db"));
  check_launcher_isolated(scenario, launcher, name);
  CHECK(scenario.send(falco_event(launcher))["incident"] == name);  // what runs in it is one target

  scenario.release(name, "restore");
  const json released = scenario.eventually_condition(name, "Closed", "True", "Released");
  CHECK(status_text(released, "outcome") == "released");
  CHECK_FALSE(kubevirt.is_paused("db"));
  const json restored = scenario.get(k8s::kPods, name_of(launcher));
  CHECK(labels_of(restored) == labels_of(launcher));
  CHECK(annotations_of(restored) == annotations_of(launcher));
  CHECK(uid_of(kubevirt.instance("db")) == uid_of(instance));
}

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
  const std::string claim = GENERATE(kFullClaim, kMissingClaim);
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

TEST_CASE("KubeVirt: a controller that is killed leaves nothing that is done twice", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const Image image = scenario.push_signed("shop/os", "1.0", "os 1.0");
  const json launcher = kubevirt.run(machine("db", image.by_tag));
  const json victim = kubevirt.instance("db");
  scenario.write_playbook({});
  scenario.start();
  const std::string name = scenario.breach(launcher);
  scenario.eventually("the guest is paused", [&] { return kubevirt.is_paused("db"); });

  scenario.controller().kill();
  scenario.start();

  const json closed = scenario.eventually_condition(name, "Closed", "True", "", 40s);
  CHECK(status_text(closed, "outcome") == "recovered");
  CHECK(uid_of(kubevirt.instance("db")) != uid_of(victim));
  CHECK(count_in_timeline(closed, "Done: stop the processors") == 1);
  CHECK(count_in_timeline(closed, "Done: pin virtual machine") == 1);
  CHECK(count_in_timeline(closed, "Done: restart virtual machine") == 1);
}

TEST_CASE("KubeVirt: what only observes changes no machine", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const json launcher =
      kubevirt.run(machine("db", scenario.push_signed("shop/os", "1.0", "os 1.0").by_digest));
  PlaybookText playbook;
  playbook.mode = "observe";
  scenario.write_playbook(playbook);
  scenario.start();

  const json result = scenario.send(falco_event(launcher));
  CHECK(result["result"] == "observed");
  const json closed = scenario.eventually_condition(result["incident"], "Closed", "True", "ObserveOnly");

  CHECK(journal_ids(closed, "planned").size() == 1);
  CHECK(journal_ids(closed, "applied").empty());
  CHECK_FALSE(kubevirt.is_paused("db"));
  CHECK(identity_of(scenario.get(k8s::kPods, name_of(launcher))) == identity_of(launcher));
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

TEST_CASE("KubeVirt: a migration of a contained machine ends, and its target is isolated, too",
          "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const json launcher =
      kubevirt.run(machine("db", scenario.push_signed("shop/os", "1.0", "os 1.0").by_digest));
  PlaybookText playbook = containing();
  playbook.redeploy = "{requireApproval: true}";
  playbook.verify = "{quietSeconds: 600}";
  scenario.write_playbook(playbook);
  scenario.start();
  const std::string name = scenario.breach(launcher);
  scenario.eventually_condition(name, "Contained", "True", "Paused");
  const std::string uid = uid_of(kubevirt.instance("db"));

  scenario.create(kMigrations, {{"apiVersion", "kubevirt.io/v1"},
                                {"kind", "VirtualMachineInstanceMigration"},
                                {"metadata", {{"name", "away"}}},
                                {"spec", {{"vmiName", "db"}}}});

  scenario.eventually("there is another launcher, and it is isolated", [&] {
    const auto launchers = kubevirt.launchers(uid);
    return launchers.size() == 2 && std::all_of(launchers.begin(), launchers.end(), is_quarantined);
  });
  scenario.eventually("the migration is gone", [&] { return scenario.get(kMigrations, "away").is_null(); });
  scenario.eventually_incident(name, "both is on record", [](const json& incident) {
    return count_in_timeline(incident, "Another launcher of the machine is isolated") == 1 &&
           count_in_timeline(incident, "Done: end migration") == 1;
  });
  CHECK(kubevirt.is_paused("db"));
}

TEST_CASE("KubeVirt: a launcher that was isolated just before a crash is on record after it", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const json launcher =
      kubevirt.run(machine("db", scenario.push_signed("shop/os", "1.0", "os 1.0").by_digest));
  PlaybookText playbook = containing();
  playbook.redeploy = "{requireApproval: true}";
  scenario.write_playbook(playbook);
  scenario.start();
  const std::string name = scenario.breach(launcher);
  scenario.eventually_condition(name, "Contained", "True", "Paused");
  scenario.controller().kill();

  json second = scenario.get(k8s::kPods, name_of(launcher));
  second["metadata"] = {{"name", name_of(launcher) + "-2"},
                        {"labels", labels_of(second)},
                        {"annotations", annotations_of(second)},
                        {"ownerReferences", second["metadata"]["ownerReferences"]}};
  scenario.create(k8s::kPods, second);
  scenario.start();

  scenario.eventually_incident(name, "the second launcher is on record", [](const json& incident) {
    return count_in_timeline(incident, "Another launcher of the machine is isolated") == 1;
  });
}

TEST_CASE("KubeVirt: a machine with a liveness probe is isolated, and not paused", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  json probed = machine("db", scenario.push_signed("shop/os", "1.0", "os 1.0").by_digest);
  probed["spec"]["template"]["spec"]["livenessProbe"] = {{"tcpSocket", {{"port", 80}}}};
  const json launcher = kubevirt.run(probed);
  scenario.write_playbook(containing());
  scenario.start();

  const std::string name = scenario.breach(launcher);
  const json contained = scenario.eventually_condition(name, "Contained", "True", "PolicyEvaluated");

  CHECK(condition_message(contained, "Contained").find("liveness probe") != std::string::npos);
  check_launcher_isolated(scenario, launcher, name);
  CHECK_FALSE(kubevirt.is_paused("db"));
  CHECK(uid_of(scenario.get(k8s::kPods, name_of(launcher))) == uid_of(launcher));
}

TEST_CASE("KubeVirt: whoever takes the quarantine away or starts the guest finds it put back", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const json launcher =
      kubevirt.run(machine("db", scenario.push_signed("shop/os", "1.0", "os 1.0").by_digest));
  PlaybookText playbook = containing();
  playbook.redeploy = "{requireApproval: true}";
  scenario.write_playbook(playbook);
  scenario.start();
  const std::string name = scenario.breach(launcher);
  scenario.eventually_condition(name, "Contained", "True", "Paused");

  scenario.patch(k8s::kPods, name_of(launcher),
                 k8s::JsonPatch().remove("/metadata/labels/kintsugi.dev~1quarantine"));
  scenario.eventually("the launcher is in quarantine again",
                      [&] { return is_quarantined(scenario.get(k8s::kPods, name_of(launcher))); });
  json conditions = kubevirt.instance("db")["status"]["conditions"];
  std::erase_if(conditions.get_ref<json::array_t&>(),
                [](const json& each) { return each["type"] == "Paused"; });
  scenario.patch(kInstances, "db", k8s::JsonPatch().replace("/status/conditions", conditions));
  scenario.eventually("the guest is paused again", [&] { return kubevirt.is_paused("db"); });
  scenario.eventually_incident(name, "both is on record", [](const json& incident) {
    return count_in_timeline(incident, "put back") == 1 && count_in_timeline(incident, "stopped again") == 1;
  });
}

TEST_CASE("KubeVirt: who calls a plain pod a launcher does not keep it from being isolated", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  json disguised = bare_pod("virt-launcher-lost", scenario.push_signed("shop/os", "1.0", "os").by_digest);
  disguised["metadata"]["labels"]["kubevirt.io"] = "virt-launcher";
  const json pod = scenario.create(k8s::kPods, disguised);
  scenario.write_playbook(containing());
  scenario.start();

  const std::string name = scenario.breach(pod);

  scenario.eventually_condition(name, "Contained", "True");
  CHECK(is_quarantined(scenario.get(k8s::kPods, "virt-launcher-lost")));
}

TEST_CASE("KubeVirt: a person may order that an instance is deleted", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const json launcher =
      kubevirt.run(machine("db", scenario.push_signed("shop/os", "1.0", "os 1.0").by_digest));
  const json victim = kubevirt.instance("db");
  PlaybookText playbook = containing();
  playbook.redeploy = "{requireApproval: true}";
  scenario.write_playbook(playbook);
  scenario.start();
  const std::string name = scenario.breach(launcher);
  scenario.eventually_condition(name, "EvidencePreserved", "True");

  scenario.release(name, "delete");

  scenario.eventually_condition(name, "Closed", "True", "Released");
  scenario.eventually("the instance is another", [&] {
    const json now = kubevirt.instance("db");
    return !now.is_null() && uid_of(now) != uid_of(victim);
  });
}

}  // namespace kintsugi::scenarios
