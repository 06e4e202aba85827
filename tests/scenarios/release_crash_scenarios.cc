// SPDX-License-Identifier: Apache-2.0
//
// kill -9 before and after each change that the controller makes when a person releases a pod, and before a
// release: the end is the same as without, and the journal says of each change what became of it.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "checks.h"
#include "tests/faults/proxy.h"

namespace kintsugi::scenarios {

using faults::Call;
using faults::Fault;
using faults::Rule;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

/// Contains one pod, and goes no further.
PlaybookText waiting_for_person() {
  PlaybookText playbook;
  playbook.redeploy = "{requireApproval: true}";
  return playbook;
}

/// At such a change of what has the path.
Rule cut_at(const char* method, std::string path_part, bool after, ControllerProcess& life) {
  Rule rule;
  rule.fault.kind = after ? Fault::Kind::kCutAfter : Fault::Kind::kCutBefore;
  rule.method = method;
  rule.path_part = std::move(path_part);
  rule.dry_runs = false;
  rule.most = 1;
  rule.hook = [&life](const Call&) { life.kill(); };
  return rule;
}

/// At a change of the victim; its replacement is changed, too.
Rule cut(const char* method, const json& victim, bool after, ControllerProcess& life) {
  return cut_at(method, "/pods/" + name_of(victim), after, life);
}

/// The controller dies at the first such change of the victim, and another one goes on.
json release_with_crash(Scenario& scenario, const std::string& name, const json& victim, const char* order,
                        const char* method, bool after) {
  ControllerProcess& life = scenario.controller();
  scenario.proxy().begin({cut(method, victim, after, life)});
  scenario.release(name, order);
  scenario.eventually("the controller dies", [&] { return !life.is_running(); });
  scenario.start();
  return scenario.eventually_condition(name, "Closed", "True", "Released", 40s);
}

}  // namespace

TEST_CASE("a controller that is killed while it gives a pod back leaves no change undecided", "[scenario]") {
  for (const bool after : {false, true}) {
    INFO("killed " << (after ? "after" : "before"));
    Scenario scenario;
    scenario.open_shop();
    const json victim = scenario.pods_of("neighbour").at(0);
    scenario.write_playbook(waiting_for_person());
    scenario.proxy().begin();
    scenario.start();
    const std::string name = scenario.breach(victim);
    scenario.eventually_condition(name, "Contained", "True");

    const json closed = release_with_crash(scenario, name, victim, "restore", "PATCH", after);

    CHECK(status_text(closed, "outcome") == "released");
    const json restored = scenario.get(k8s::kPods, name_of(victim));
    CHECK(labels_of(restored) == labels_of(victim));
    CHECK(annotations_of(restored) == annotations_of(victim));
    CHECK(journal_ids(closed, "undone") == std::vector<std::string>{"release/restore"});
    CHECK(journal_ids(closed, "planned").empty());
  }
}

TEST_CASE("a controller that is killed while it deletes a pod leaves no change undecided", "[scenario]") {
  for (const bool after : {false, true}) {
    INFO("killed " << (after ? "after" : "before"));
    Scenario scenario;
    scenario.open_shop();
    const json victim = scenario.pods_of("web").at(0);
    scenario.write_playbook(waiting_for_person());
    scenario.proxy().begin();
    scenario.start();
    const std::string name = scenario.breach(victim);
    scenario.eventually_condition(name, "Contained", "True");

    const json closed = release_with_crash(scenario, name, victim, "delete", "DELETE", after);

    CHECK(journal_ids(closed, "applied").back() == "release/delete");
    CHECK(journal_ids(closed, "planned").empty());
    scenario.eventually("it is gone", [&] { return scenario.get(k8s::kPods, name_of(victim)).is_null(); });
  }
}

TEST_CASE("a pod that goes while its labels are given back leaves no change undecided", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  const json victim = scenario.pods_of("web").at(0);
  scenario.write_playbook(waiting_for_person());
  scenario.proxy().begin();
  ControllerProcess& life = scenario.start();
  const std::string name = scenario.breach(victim);
  scenario.eventually_condition(name, "Contained", "True");
  scenario.proxy().begin({cut("PATCH", victim, false, life)});
  scenario.release(name, "restore");
  scenario.eventually("the controller dies", [&] { return !life.is_running(); });
  REQUIRE(journal_ids(scenario.incident(name), "planned") == std::vector<std::string>{"release/restore"});

  SECTION("gone") {
    scenario.remove(k8s::kPods, name_of(victim));
    scenario.eventually("it is gone", [&] { return scenario.get(k8s::kPods, name_of(victim)).is_null(); });
  }
  SECTION("left in quarantine after all") {
    scenario.release(name, "leave");
  }
  scenario.start();
  const json closed = scenario.eventually_condition(name, "Closed", "True", "Released", 40s);

  CHECK(journal_ids(closed, "planned").empty());
  CHECK(journal_ids(closed, "undone").empty());
  CHECK(journal_ids(closed, "abandoned") == std::vector<std::string>{"release/restore"});
}

TEST_CASE("a pin that a release overtakes is on record as what became of it", "[scenario]") {
  for (const bool after : {false, true}) {
    INFO("killed " << (after ? "after" : "before"));
    Scenario scenario;
    const Image image = scenario.push_signed("shop/web", "1.0", "web 1.0");
    scenario.open_shop(image.by_tag);
    scenario.write_playbook({});
    scenario.proxy().begin();
    ControllerProcess& life = scenario.start();
    scenario.proxy().begin({cut_at("PATCH", "/deployments/web", after, life)});
    const std::string name = scenario.breach(scenario.pods_of("web").at(0));
    scenario.eventually("the controller dies", [&] { return !life.is_running(); });
    REQUIRE(journal_ids(scenario.incident(name), "planned") == std::vector<std::string>{"redeploy/pin"});

    scenario.release(name, "leave");
    scenario.start();
    const json closed = scenario.eventually_condition(name, "Closed", "True", "Released", 40s);

    REQUIRE(journal_ids(closed, "planned").empty());
    CHECK(journal_ids(closed, after ? "applied" : "abandoned").back() == "redeploy/pin");
    CHECK(count_in_timeline(closed, "Done: pin") == (after ? 1 : 0));
  }
}

TEST_CASE("a replacement that a release overtakes is on record as what became of it", "[scenario]") {
  for (const bool after : {false, true}) {
    INFO("killed " << (after ? "after" : "before"));
    Scenario scenario;
    const Image image = scenario.push_signed("shop/tool", "1.0", "tool 1.0");
    scenario.create(k8s::kPods, bare_pod("tool", image.by_tag));
    scenario.eventually("the pod is Ready", [&] { return is_ready(scenario.get(k8s::kPods, "tool")); });
    PlaybookText playbook;
    playbook.redeploy = "{trustPolicy: release-images, recreate: true}";
    scenario.write_playbook(playbook);
    scenario.proxy().begin();
    ControllerProcess& life = scenario.start();
    scenario.proxy().begin({cut_at("POST", "/namespaces/" + scenario.shop() + "/pods", after, life)});
    const std::string name = scenario.breach(scenario.get(k8s::kPods, "tool"));
    scenario.eventually("the controller dies", [&] { return !life.is_running(); });
    REQUIRE(journal_ids(scenario.incident(name), "planned") == std::vector<std::string>{"redeploy/recreate"});

    scenario.release(name, "leave");
    scenario.start();
    const json closed = scenario.eventually_condition(name, "Closed", "True", "Released", 40s);

    REQUIRE(journal_ids(closed, "planned").empty());
    CHECK(journal_ids(closed, after ? "applied" : "abandoned").back() == "redeploy/recreate");
    CHECK(status_text(closed, "replacement").empty() == !after);
  }
}

TEST_CASE("a deletion that was given up for a restoration leaves no change undecided", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  const json victim = scenario.pods_of("neighbour").at(0);
  scenario.write_playbook(waiting_for_person());
  scenario.proxy().begin();
  ControllerProcess& life = scenario.start();
  const std::string name = scenario.breach(victim);
  scenario.eventually_condition(name, "Contained", "True");
  scenario.proxy().begin({cut("DELETE", victim, false, life)});
  scenario.release(name, "delete");
  scenario.eventually("the controller dies", [&] { return !life.is_running(); });
  REQUIRE(journal_ids(scenario.incident(name), "planned") == std::vector<std::string>{"release/delete"});

  scenario.release(name, "restore");
  scenario.start();
  const json closed = scenario.eventually_condition(name, "Closed", "True", "Released", 40s);

  CHECK(labels_of(scenario.get(k8s::kPods, name_of(victim))) == labels_of(victim));
  CHECK(journal_ids(closed, "planned").empty());
  CHECK(journal_ids(closed, "undone") == std::vector<std::string>{"release/restore"});
  CHECK(journal_ids(closed, "abandoned") == std::vector<std::string>{"release/delete"});
}

}  // namespace kintsugi::scenarios
