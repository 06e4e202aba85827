// SPDX-License-Identifier: Apache-2.0
//
// Virtual machines with a card on a network that no NetworkPolicy reaches: its link goes down, where that is
// safe, and comes back.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "checks.h"
#include "kubevirt_stand_in.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

/// What KubeVirt shows of the link of the card "san".
std::string link_of(KubeVirt& kubevirt, const std::string& machine) {
  const json instance = kubevirt.instance(machine);
  if (!instance.is_object() || !instance["status"].contains("interfaces")) return "";
  for (const json& card : instance["status"]["interfaces"])
    if (card["name"] == "san") return card["linkState"];
  return "";
}

json attached_machine(Scenario& scenario) {
  json made = machine("db", scenario.push_signed("shop/os", "1.0", "os 1.0").by_digest);
  attach_network(made);
  return made;
}

PlaybookText waiting_for_person() {
  PlaybookText playbook;
  playbook.redeploy = "{requireApproval: true}";
  return playbook;
}

}  // namespace

TEST_CASE("KubeVirt: what no policy reaches is cut off by its link, and given back at the release",
          "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const json launcher = kubevirt.run(attached_machine(scenario));
  const json before = scenario.get(kMachines, "db");
  scenario.write_playbook(waiting_for_person());
  scenario.start();

  const std::string name = scenario.breach(launcher);
  const json contained = scenario.eventually_condition(name, "Contained", "True", "Paused");
  CHECK(condition_message(contained, "Contained").find("the link of ops/storage is down") !=
        std::string::npos);
  CHECK(link_of(kubevirt, "db") == "down");
  CHECK(count_in_timeline(contained, "Done: take down the links") == 1);

  json cards = scenario.get(kMachines, "db")["spec"]["template"]["spec"]["domain"]["devices"]["interfaces"];
  cards[1].erase("state");
  scenario.patch(kMachines, "db",
                 k8s::JsonPatch().replace("/spec/template/spec/domain/devices/interfaces", cards));
  scenario.eventually_incident(name, "it is down again", [&](const json& now) {
    return count_in_timeline(now, "taken down again") == 1 && link_of(kubevirt, "db") == "down";
  });

  scenario.release(name, "restore");
  scenario.eventually_condition(name, "Closed", "True", "Released");
  CHECK(scenario.get(kMachines, "db")["spec"] == before["spec"]);
  scenario.eventually("the link is up", [&] { return link_of(kubevirt, "db") == "up"; });
}

TEST_CASE("KubeVirt: a machine whose link went down is rebuilt with its links up", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const json launcher = kubevirt.run(attached_machine(scenario));
  const json before = scenario.get(kMachines, "db");
  const json victim = kubevirt.instance("db");
  scenario.write_playbook({});
  scenario.start();

  const std::string name = scenario.breach(launcher);
  const json closed = scenario.eventually_condition(name, "Closed", "True", "", 40s);

  CHECK(status_text(closed, "outcome") == "recovered");
  check_times(closed);
  CHECK(uid_of(kubevirt.instance("db")) != uid_of(victim));
  CHECK(scenario.get(kMachines, "db")["spec"] == before["spec"]);
  CHECK(link_of(kubevirt, "db") == "up");
  CHECK(count_in_timeline(closed, "Done: take down the links") == 1);
  CHECK(count_in_timeline(closed, "its links back") == 1);
  CHECK(journal_ids(closed, "planned").empty());
}

TEST_CASE("KubeVirt: an instance that somebody deletes leaves no link down in its machine", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const json launcher = kubevirt.run(attached_machine(scenario));
  const json before = scenario.get(kMachines, "db");
  scenario.write_playbook(waiting_for_person());
  scenario.start();
  const std::string name = scenario.breach(launcher);
  scenario.eventually_condition(name, "Contained", "True", "Paused");

  scenario.remove(kInstances, "db");
  scenario.remove(k8s::kPods, name_of(launcher));

  scenario.eventually("the template is as it was",
                      [&] { return scenario.get(kMachines, "db")["spec"] == before["spec"]; });
  scenario.eventually("the link of what came after it is up",
                      [&] { return link_of(kubevirt, "db") == "up"; });
}

TEST_CASE("KubeVirt: a link stays up where it is not safe or not ours to take it down", "[scenario]") {
  const auto probe = [](json& made) {
    made["spec"]["template"]["spec"]["livenessProbe"] = {{"tcpSocket", {{"port", 80}}}};
  };
  const auto gitops = [](json& made) {
    made["metadata"]["annotations"] = {
        {"argocd.argoproj.io/tracking-id", "shop:kubevirt.io/VirtualMachine:db"}};
  };
  const auto sriov = [](json& made) {
    json& card = made["spec"]["template"]["spec"]["domain"]["devices"]["interfaces"][1];
    card.erase("bridge");
    card["sriov"] = json::object();
  };
  struct Case {
    std::function<void(json&)> change;
    const char* said;
  };
  for (const Case& each :
       {Case{probe, "liveness probe"}, Case{gitops, "Argo CD"}, Case{sriov, "no link state"}}) {
    INFO(each.said);
    Scenario scenario;
    if (!scenario.world().can_express(Ability::kSchemas)) return;
    KubeVirt kubevirt(scenario);
    json made = attached_machine(scenario);
    each.change(made);
    const json launcher = kubevirt.run(made);
    const json before = scenario.get(kMachines, "db");
    scenario.write_playbook(waiting_for_person());
    scenario.start();

    const std::string name = scenario.breach(launcher);
    const json refused = scenario.eventually_condition(name, "Contained", "False", "SecondaryNetworks");

    CHECK(condition_message(refused, "Contained").find(each.said) != std::string::npos);
    CHECK(scenario.get(kMachines, "db")["spec"] == before["spec"]);
    CHECK(scenario.get(kMachines, "db")["metadata"]["generation"] == before["metadata"]["generation"]);
  }
}

}  // namespace kintsugi::scenarios
