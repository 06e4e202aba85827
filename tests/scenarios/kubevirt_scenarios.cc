// SPDX-License-Identifier: Apache-2.0
//
// KubeVirt's virtual machines: the launcher of a machine is never treated as a plain pod. Only where there
// are schemas, and other APIs than the API server's own.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

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
