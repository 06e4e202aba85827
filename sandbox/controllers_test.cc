// SPDX-License-Identifier: Apache-2.0
#include "sandbox/controllers.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>

using namespace kintsugi;
using namespace kintsugi::sandbox;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

struct World {
  explicit World(std::uint64_t seed = 1) : store(clock, seed), controllers(store, clock, registry) {
    REQUIRE(store.create(k8s::kNamespaces, "", json{{"metadata", {{"name", "shop"}}}}));
  }
  /// Lets everything happen that time brings within `span`.
  void run(std::chrono::milliseconds span = 2s) {
    const MonotonicTime end = clock.monotonic() + span;
    for (controllers.settle(); controllers.next_due() <= end; controllers.settle())
      clock.advance(std::max(controllers.next_due() - clock.monotonic(), 0ns));
    clock.advance(end - clock.monotonic());
  }
  void deploy(int replicas, const json& more = json::object()) {
    json deployment{
        {"metadata", {{"name", "web"}}},
        {"spec",
         {{"replicas", replicas},
          {"selector", {{"matchLabels", {{"app", "web"}}}}},
          {"template",
           {{"metadata", {{"labels", {{"app", "web"}}}}},
            {"spec",
             {{"containers",
               json::array({{{"name", "c"},
                             {"image", "web:1"},
                             {"ports", json::array({{{"name", "http"}, {"containerPort", 8080}}})}}})}}}}}}}};
    deployment.merge_patch(more);
    REQUIRE(store.create(k8s::kDeployments, "shop", deployment));
  }
  void edit(const k8s::Resource& resource, const std::string& name,
            const std::function<void(json&)>& change) {
    REQUIRE(store.edit(resource, {"shop", name}, change));
  }
  void set_image(const std::string& image) {
    edit(k8s::kDeployments, "web",
         [&](json& object) { object["spec"]["template"]["spec"]["containers"][0]["image"] = image; });
  }
  std::vector<Object> pods() const { return store.all(k8s::kPods, "shop"); }
  std::size_t ready() const {
    const auto all = pods();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [](const Object& pod) { return is_ready(*pod); }));
  }
  json deployment() const { return **store.get(k8s::kDeployments, {"shop", "web"}); }

  ManualClock clock;
  ObjectStore store;
  OciRegistry registry;
  Controllers controllers;
};

}  // namespace

TEST_CASE("a deployment's pods become ready on nodes, with the image that was pulled") {
  World world;
  world.deploy(3);
  world.run();
  REQUIRE(world.pods().size() == 3);
  CHECK(world.ready() == 3);
  std::set<std::string> nodes, addresses;
  for (const Object& pod : world.pods()) {
    nodes.insert(text(*pod, {"spec", "nodeName"}));
    addresses.insert(text(*pod, {"status", "podIP"}));
    const json& container = field(*pod, {"status", "containerStatuses"}).at(0);
    CHECK(text(container, {"imageID"}) == "web:1");
    CHECK(text(container, {"containerID"}).starts_with("containerd://"));
    CHECK(container["ready"] == true);
  }
  CHECK(nodes.size() == 3);
  CHECK(addresses.size() == 3);
  CHECK(integer(world.deployment(), {"status", "availableReplicas"}, 0) == 3);
}

TEST_CASE("a pod whose labels are taken away is released and replaced at once") {
  World world;
  world.deploy(3);
  world.run();
  const Object victim = world.pods().front();
  world.edit(k8s::kPods, name_of(*victim),
             [](json& pod) { pod["metadata"]["labels"] = {{"kintsugi.dev/quarantine", "true"}}; });
  world.controllers.settle();
  CHECK(world.pods().size() == 4);
  const auto released = world.store.get(k8s::kPods, key_of(*victim));
  CHECK(uid_of(**released) == uid_of(*victim));
  CHECK(controller_uid(**released).empty());
  world.run();
  CHECK(world.ready() == 4);

  SECTION("labels that come back make it one too many: deletion cost decides which one goes") {
    for (const Object& pod : world.pods()) {
      if (name_of(*pod) == name_of(*victim)) continue;
      world.edit(k8s::kPods, name_of(*pod), [&](json& object) {
        object["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] = "-10";
      });
      break;
    }
    world.edit(k8s::kPods, name_of(*victim),
               [&](json& pod) { pod["metadata"]["labels"] = (*victim)["metadata"]["labels"]; });
    world.run();
    CHECK(world.pods().size() == 3);
    CHECK_FALSE(controller_uid(**world.store.get(k8s::kPods, key_of(*victim))).empty());
  }
  SECTION("a deployment that goes leaves it alone") {
    REQUIRE(world.store.remove(k8s::kDeployments, {"shop", "web"}));
    world.run();
    REQUIRE(world.pods().size() == 1);
    CHECK(world.store.all(k8s::kReplicaSets).empty());
  }
}

TEST_CASE("a rolling update stays within its limits and ends on the new template") {
  World world;
  world.deploy(4);
  world.run();
  world.set_image("web:2");
  for (int i = 0; i < 300; ++i) {
    world.run(5ms);
    CHECK(world.ready() >= 3);
    std::int64_t wanted = 0;
    for (const Object& set : world.store.all(k8s::kReplicaSets))
      wanted += integer(*set, {"spec", "replicas"}, 0);
    CHECK(wanted <= 5);
  }
  REQUIRE(world.pods().size() == 4);
  for (const Object& pod : world.pods())
    CHECK(text(field(*pod, {"spec", "containers"}).at(0), {"image"}) == "web:2");
  CHECK(world.store.all(k8s::kReplicaSets).size() == 2);

  SECTION("going back to an old template reuses its ReplicaSet") {
    world.set_image("web:1");
    world.run();
    CHECK(world.store.all(k8s::kReplicaSets).size() == 2);
    CHECK(world.ready() == 4);
  }
}

TEST_CASE("a rollout to an image that fails leaves the old pods serving, and goes on when the cause goes") {
  World world;
  world.deploy(4);
  world.run();
  const SystemClock clock;
  Logger log(clock, LogLevel::kError, standard_error_writer());
  REQUIRE(world.registry.start("127.0.0.1", 0, log));
  world.set_image(world.registry.host() + "/web:2");
  world.run();
  CHECK(world.ready() == 3);
  const auto pods = world.pods();
  CHECK(std::any_of(pods.begin(), pods.end(), [](const Object& pod) {
    return text(field(*pod, {"status", "containerStatuses"}).at(0), {"state", "waiting", "reason"}) ==
           "ImagePullBackOff";
  }));
  world.registry.push_image("web", "2", "content");
  world.run();
  CHECK(world.ready() == 4);
  CHECK(integer(world.deployment(), {"status", "updatedReplicas"}, 0) == 4);
}

TEST_CASE("a pod fails as its annotation says, for as long as it says so") {
  World world;
  world.deploy(1);
  world.run();
  const std::string name = name_of(*world.pods().front());
  const auto fail_with = [&](const json& failure) {
    world.edit(k8s::kPods, name,
               [&](json& pod) { pod["metadata"]["annotations"] = {{kFailureAnnotation, failure}}; });
    world.run();
    return *world.store.get(k8s::kPods, {"shop", name});
  };
  CHECK_FALSE(is_ready(*fail_with("never-ready")));
  const json crashed = *fail_with("crash-loop");
  const json& container = field(crashed, {"status", "containerStatuses"}).at(0);
  CHECK(integer(container, {"restartCount"}, 0) > 2);
  CHECK(text(container, {"state", "waiting", "reason"}) == "CrashLoopBackOff");
  CHECK(integer(container, {"lastState", "terminated", "exitCode"}, 0) == 1);
  CHECK(is_ready(*fail_with("nothing")));
}

TEST_CASE("a deleted pod stays through its grace and is then gone; without grace at once") {
  World world;
  world.deploy(1);
  world.run();
  const Object pod = world.pods().front();
  const auto deletion = world.store.remove(k8s::kPods, key_of(*pod));
  REQUIRE(deletion);
  CHECK(integer(**deletion, {"metadata", "deletionGracePeriodSeconds"}, 0) == 30);
  world.controllers.settle();
  CHECK(world.pods().size() == 2);
  world.run();
  CHECK_FALSE(world.store.get(k8s::kPods, key_of(*pod)));
  const k8s::ObjectKey other = key_of(*world.pods().front());
  CHECK(world.store.remove(k8s::kPods, other, {.grace_seconds = 0}));
  CHECK_FALSE(world.store.get(k8s::kPods, other));
}

TEST_CASE("a service's slice lists its pods and their readiness") {
  World world;
  world.deploy(2);
  REQUIRE(
      world.store.create(k8s::kServices, "shop",
                         json{{"metadata", {{"name", "web"}}}, {"spec", {{"selector", {{"app", "web"}}}}}}));
  world.run();
  const auto slice = [&] { return *world.store.all(k8s::kEndpointSlices).at(0); };
  REQUIRE(world.store.all(k8s::kEndpointSlices).size() == 1);
  CHECK(labels_of(slice()).at("kubernetes.io/service-name") == "web");
  REQUIRE(slice()["endpoints"].size() == 2);
  CHECK(slice()["endpoints"][0]["conditions"]["ready"] == true);

  const std::string name = slice()["endpoints"][0]["targetRef"]["name"];
  world.edit(k8s::kPods, name, [](json& pod) { pod["metadata"].erase("labels"); });
  world.run();
  REQUIRE(slice()["endpoints"].size() == 2);
  const json now = slice();  // not in the loop, whose members would be of a temporary
  for (const auto& endpoint : now["endpoints"]) CHECK(endpoint["targetRef"]["name"] != name);
  REQUIRE(world.store.remove(k8s::kServices, {"shop", "web"}));
  world.run();
  CHECK(world.store.all(k8s::kEndpointSlices).empty());
}

TEST_CASE("a deleted namespace takes its content along") {
  World world;
  world.deploy(2);
  world.run();
  REQUIRE(world.store.remove(k8s::kNamespaces, {"", "shop"}));
  world.run();
  CHECK(world.pods().empty());
  CHECK_FALSE(world.store.get(k8s::kNamespaces, {"", "shop"}));
}

TEST_CASE("what clients write into objects of the controllers does not stop them") {
  World world;
  world.deploy(1);
  world.run();
  const std::string name = name_of(*world.pods().front());
  const Edit odd = [](json& pod) {
    pod["status"] = json::parse(R"({"phase": 7, "podIP": [], "conditions": [{"type": 1}],
                                    "containerStatuses": [{"restartCount": "x", "state": 1}]})");
  };
  REQUIRE(world.store.edit(k8s::kPods, {"shop", name}, odd, {.status = true}));
  world.edit(k8s::kPods, name,
             [](json& pod) { pod["metadata"]["annotations"] = {{kFailureAnnotation, "crash-loop"}}; });
  world.run();
  world.edit(k8s::kDeployments, "web", [](json& object) {
    object["spec"]["replicas"] = "many";
    object["spec"]["template"]["spec"]["containers"] = {{"name", 5}};
  });
  world.run();
  REQUIRE(world.store.remove(k8s::kDeployments, {"shop", "web"}));
  world.run();
  CHECK(world.pods().empty());
}

TEST_CASE("the same seed gives the same world") {
  const auto names = [](std::uint64_t seed) {
    World world(seed);
    world.deploy(3);
    world.run();
    std::vector<std::string> result;
    for (const Object& pod : world.pods()) result.push_back(name_of(*pod) + uid_of(*pod));
    return result;
  };
  CHECK(names(7) == names(7));
  CHECK(names(7) != names(8));
}
