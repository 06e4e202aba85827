// SPDX-License-Identifier: Apache-2.0
//
// What is said by day of virtual machines: whether a breach would be contained, and what would be rebuilt.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "checks.h"
#include "kubevirt_stand_in.h"
#include "responder.h"
#include "tests/faults/proxy.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

json readiness_of_machine(Scenario& scenario, const std::string& name) {
  return readiness_of(scenario, scenario.shop(), "vm_" + name);
}

json eventually_known(Scenario& scenario, const std::string& name) {
  json known;
  scenario.eventually("machine " + name + " is known by day", [&] {
    known = readiness_of_machine(scenario, name);
    return known != json::object();
  });
  return known;
}

void add_probe(json& made) {
  made["spec"]["template"]["spec"]["livenessProbe"] = {{"tcpSocket", {{"port", 80}}}};
}

void belong_to_gitops(json& made) {
  made["metadata"]["annotations"] = {
      {"argocd.argoproj.io/tracking-id", "shop:kubevirt.io/VirtualMachine:db"}};
}

void boot_from_claim(json& made) {
  made["spec"]["template"]["spec"]["volumes"][0] = {{"name", "root"},
                                                    {"persistentVolumeClaim", {{"claimName", "old-root"}}}};
}

/// How often KubeVirt was asked for what ends so, as the API server saw it; watches are not counted.
std::size_t asked(Scenario& scenario, const char* path_end = "") {
  const auto calls = scenario.proxy().calls();
  return std::size_t(std::count_if(calls.begin(), calls.end(), [&](const faults::Call& call) {
    return !call.is_watch && call.path.find("kubevirt.io") != std::string::npos &&
           call.path.ends_with(path_end);
  }));
}

}  // namespace

TEST_CASE("KubeVirt: what a breach of a machine would come to is told by day", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const Image image = scenario.push_signed("shop/os", "1.0", "os 1.0");
  const Image unsigned_image = scenario.push("shop/evil", "1.0", "evil");
  struct Case {
    const char* name;
    std::string image;
    void (*change)(json&);
    const char* containable_reason;  ///< empty: it is
    const char* prepared_reason;
    bool is_prepared;
    const char* said;
  };
  const auto as_is = [](json&) {};
  const auto attach_and_probe = [](json& made) {
    attach_network(made);
    add_probe(made);
  };
  const auto attach_and_keep = [](json& made) {
    attach_network(made);
    belong_to_gitops(made);
  };
  const Case cases[] = {
      {"pinned", image.by_digest, as_is, "", "TemplateAccepted", true, "data"},
      {"tagged", image.by_tag, as_is, "", "NotPinned", false, "will pin it"},
      {"evil", unsigned_image.by_tag, as_is, "", "NoSignature", false, "shop/evil"},
      {"claimed", image.by_digest, boot_from_claim, "", "NotRebuildable", false, "old-root"},
      {"probed", image.by_digest, add_probe, "", "TemplateAccepted", true, "would not be paused"},
      {"attached", image.by_digest, attach_network, "", "TemplateAccepted", true, "would be taken down"},
      {"killable", image.by_digest, attach_and_probe, "SecondaryNetworks", "TemplateAccepted", true,
       "liveness probe"},
      {"kept", image.by_digest, attach_and_keep, "SecondaryNetworks", "TemplateAccepted", true, "Argo CD"},
  };
  for (const Case& each : cases) {
    json made = machine(each.name, each.image);
    each.change(made);
    kubevirt.run(made);
  }
  scenario.write_playbook({});
  scenario.proxy().begin();
  scenario.start();

  for (const Case& each : cases) {
    INFO(each.name);
    const json known = eventually_known(scenario, each.name);
    INFO(known.dump(2));
    const bool is_containable = *each.containable_reason == '\0';
    CHECK(known["containable"] == is_containable);
    CHECK((is_containable || known["containableReason"] == each.containable_reason));
    CHECK(known["prepared"] == each.is_prepared);
    CHECK(known["preparedReason"] == each.prepared_reason);
    CHECK(known.dump().find(each.said) != std::string::npos);
    CHECK(scenario.get(kMachines, each.name)["metadata"]["generation"] == 1);
  }
  const std::string shown = responder_runs(scenario, "check -o wide", 4);
  for (const char* line : {"virtualmachine/evil is not prepared", "virtualmachine/claimed is not prepared",
                           "virtualmachine/kept could not be contained"})
    CHECK(shown.find(line) != std::string::npos);

  // Nothing changes any more: machines were listed once, and nobody asks again.
  CHECK(asked(scenario, "/virtualmachines") == 1);
  CHECK(asked(scenario, "/virtualmachineinstances") == 0);
  REQUIRE(scenario.proxy().wait_quiet(3s, 30s));
  const std::size_t before = asked(scenario);
  scenario.holds_for(5s, "KubeVirt is left alone", [&] { return asked(scenario) == before; });
}

TEST_CASE("KubeVirt: what is known by day of a machine follows it, and ends with it", "[scenario]") {
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const Image image = scenario.push_signed("shop/os", "1.0", "os 1.0");
  scenario.write_playbook({});
  scenario.start();
  const json launcher = kubevirt.run(machine("db", image.by_tag));
  CHECK(eventually_known(scenario, "db")["preparedReason"] == "NotPinned");

  // Nothing of the launcher changes with the template.
  scenario.patch(
      kMachines, "db",
      k8s::JsonPatch().replace("/spec/template/spec/volumes/0/containerDisk/image", image.by_digest));
  scenario.eventually("the pin is known",
                      [&] { return readiness_of_machine(scenario, "db").value("prepared", false); });

  scenario.controller().kill();
  scenario.remove(kMachines, "db");
  scenario.eventually("it is gone", [&] {
    // The stand-in for virt-controller may be faster.
    (void)scenario.client().remove(kInstances, {scenario.shop(), "db"});
    (void)scenario.client().remove(k8s::kPods, {scenario.shop(), name_of(launcher)});
    return scenario.get(kInstances, "db").is_null() && scenario.get(k8s::kPods, name_of(launcher)).is_null();
  });
  scenario.start();
  scenario.eventually("the next controller forgets it",
                      [&] { return readiness_of_machine(scenario, "db") == json::object(); });
}

TEST_CASE("KubeVirt: a machine that may not be read is neither containable nor prepared, as far as is known",
          "[scenario]") {
  const char* path = GENERATE("/virtualmachineinstances/db", "/virtualmachines/db");
  INFO(path);
  Scenario scenario;
  if (!scenario.world().can_express(Ability::kSchemas)) return;
  KubeVirt kubevirt(scenario);
  const Image image = scenario.push_signed("shop/os", "1.0", "os 1.0");
  const json launcher = kubevirt.run(machine("db", image.by_digest));
  scenario.write_playbook({});
  faults::Rule forbidden;
  forbidden.fault.kind = faults::Fault::Kind::kAnswer;
  forbidden.fault.status = 403;
  forbidden.method = "GET";
  forbidden.path_part = path;
  scenario.proxy().begin({forbidden});
  scenario.start();

  const json known = eventually_known(scenario, "db");
  for (const std::string finding : {"containable", "prepared"}) {
    CHECK(known[finding] == false);
    CHECK(known[finding + "Reason"] == "MachineUnreadable");
    CHECK(known[finding + "Message"].get<std::string>().find("made up") != std::string::npos);
  }
  const std::string shown = responder_runs(scenario, "check -o wide", 4);
  CHECK(shown.find("virtualmachine/db could not be contained") != std::string::npos);

  scenario.proxy().begin();
  scenario.patch(k8s::kPods, name_of(launcher), k8s::JsonPatch().add("/metadata/labels/seen", "again"));
  scenario.eventually("it may be read again",
                      [&] { return readiness_of_machine(scenario, "db").value("prepared", false); });
}

TEST_CASE("where there is no KubeVirt nothing of it is asked or watched", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  scenario.proxy().begin();
  scenario.start();
  scenario.eventually("the shop is known by day", [&] {
    return readiness_of(scenario, scenario.shop(), "web") != json::object() &&
           readiness_of(scenario, scenario.shop(), "neighbour") != json::object();
  });
  CHECK_FALSE(scenario.proxy().calls().empty());
  CHECK(asked(scenario) == 0);
}

}  // namespace kintsugi::scenarios
