// SPDX-License-Identifier: Apache-2.0
#include "targets/kubevirt/machine_links.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "k8s-client/core/patch.h"

using namespace kintsugi;
using namespace kintsugi::targets;
using nlohmann::json;

namespace {

json machine_with(const char* cards) {
  json machine{{"metadata", {{"namespace", "shop"}, {"name", "web"}, {"uid", "m1"}}}};
  machine["spec"]["template"]["spec"]["domain"]["devices"]["interfaces"] = json::parse(cards);
  return machine;
}

constexpr const char* kTwoCards = R"([{"name": "default", "masquerade": {}}, {"name": "san", "bridge": {}}])";

MachineInstance instance() {
  MachineInstance instance;
  instance.phase = "Running";
  instance.networks = {{"ops/storage", "san", true, false}};
  return instance;
}

json changed(const json& live, const Action& action) {
  return k8s::apply_json_patch(live, action.body).value();
}

ErrorCode code_of(const Result<Action>& action) {
  REQUIRE_FALSE(action);
  return action.error().code;
}

}  // namespace

TEST_CASE("a link goes down, and comes back as it was said before") {
  for (const char* state : {"", R"(, "state": "up")", R"(, "state": "")"}) {
    INFO(state);
    const std::string cards = std::string(R"([{"name": "default"}, {"name": "san")") + state + "}]";
    const json before = machine_with(cards.c_str());

    const Action down = plan_links_down(before, instance()).value();
    const json taken = changed(before, down);
    CHECK(taken["spec"]["template"]["spec"]["domain"]["devices"]["interfaces"][1]["state"] == "down");
    CHECK_FALSE(taken["spec"]["template"]["spec"]["domain"]["devices"]["interfaces"][0].contains("state"));
    CHECK(code_of(plan_links_down(taken, instance())) == ErrorCode::kAlreadyExists);

    CHECK(changed(taken, plan_links_up(taken, down).value()) == before);
    CHECK(code_of(plan_links_up(before, down)) == ErrorCode::kAlreadyExists);
  }
}

TEST_CASE("a link that is taken down again comes back as it was before the first time") {
  const json before = machine_with(kTwoCards);
  const Action first = plan_links_down(before, instance()).value();
  json brought_up = before;
  brought_up["spec"]["template"]["spec"]["domain"]["devices"]["interfaces"][1]["state"] = "up";
  const Action second = plan_links_down(brought_up, instance(), &first).value();
  CHECK(changed(changed(brought_up, second), plan_links_up(changed(brought_up, second), second).value()) ==
        before);
}

TEST_CASE("cards that moved are found by name, and what somebody changed or removed stays so") {
  const Action down = plan_links_down(machine_with(kTwoCards), instance()).value();
  const json moved = machine_with(R"([{"name": "san", "state": "down"}, {"name": "default"}])");
  CHECK(changed(moved, plan_links_up(moved, down).value()) ==
        machine_with(R"([{"name": "san"}, {"name": "default"}])"));
  for (const char* cards :
       {R"([{"name": "san", "state": "absent"}])", R"([{"name": "other", "state": "down"}])", "[]",
        R"({"name": "san", "state": "down"})", R"(["san", 1, null])"}) {
    INFO(cards);
    CHECK(code_of(plan_links_up(machine_with(cards), down)) == ErrorCode::kAlreadyExists);
  }
}

TEST_CASE("a plan fails where the machine has moved on since it was made") {
  const json before = machine_with(kTwoCards);
  const Action down = plan_links_down(before, instance()).value();
  for (const char* cards : {R"([{"name": "default"}, {"name": "new"}])", R"([{"name": "default"}])",
                            R"([{"name": "default"}, {"name": "san", "state": "absent"}])"}) {
    INFO(cards);
    CHECK_FALSE(k8s::apply_json_patch(machine_with(cards), down.body));
  }
  json other = before;
  other["metadata"]["uid"] = "m2";
  CHECK_FALSE(k8s::apply_json_patch(other, down.body));
}

TEST_CASE("a template without such a card, or that somebody else keeps, is left alone") {
  for (const char* cards : {"[]", "{}", R"([{"name": "default"}])", R"([{"name": 1}, "san"])"}) {
    INFO(cards);
    CHECK(code_of(plan_links_down(machine_with(cards), instance())) == ErrorCode::kRefused);
  }
  json kept = machine_with(kTwoCards);
  kept["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = "shop:apps/Deployment:shop/web";
  const auto refused = plan_links_down(kept, instance());
  CHECK(code_of(refused) == ErrorCode::kRefused);
  CHECK(refused.error().message.find("Argo CD") != std::string::npos);
}

TEST_CASE("an undo that is none gives nothing back") {
  const json live = machine_with(R"([{"name": "san", "state": "down"}])");
  for (const char* undo : {"", "no JSON", "[]", R"({"links": []})", R"({"links": {"other": "up"}})"}) {
    INFO(undo);
    Action down;
    down.undo = undo;
    CHECK(code_of(plan_links_up(live, down)) == ErrorCode::kAlreadyExists);
  }
}

TEST_CASE("no link goes down where that could end the launcher, or means nothing") {
  const std::pair<const char*, void (*)(MachineInstance&)> cases[] = {
      {"a liveness probe", [](MachineInstance& each) { each.has_liveness_probe = true; }},
      {"a migration", [](MachineInstance& each) { each.is_migrating = true; }},
      {"SR-IOV", [](MachineInstance& each) { each.networks[0].has_link = false; }},
      {"no other network", [](MachineInstance& each) { each.networks.clear(); }},
      {"down already", [](MachineInstance& each) { each.networks[0].is_down = true; }},
  };
  CHECK(obstacle_to_links_down(instance()).empty());
  for (const auto& [what, change] : cases) {
    INFO(what);
    MachineInstance machine = instance();
    change(machine);
    CHECK_FALSE(obstacle_to_links_down(machine).empty());
  }
}

TEST_CASE("a card without a name is no card of an instance, whatever it is") {
  MachineInstance nameless = instance();
  nameless.networks[0].card = "";
  for (const char* cards : {"[3]", "[null]", "[{}]", R"(["san"])", R"([{"name": ""}])", R"([{"name": 7}])"}) {
    INFO(cards);
    CHECK(code_of(plan_links_down(machine_with(cards), nameless)) == ErrorCode::kRefused);
  }
}
