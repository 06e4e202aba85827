// SPDX-License-Identifier: Apache-2.0
#include "targets/kubevirt/machine_target.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "k8s-client/client/test_world.h"
#include "targets/kubevirt/machine_evidence.h"

using namespace kintsugi;
using namespace kintsugi::targets;
using nlohmann::json;

namespace {

/// A server of one instance, which notes what was done to it.
struct Fixture {
  Fixture() {
    world.transport.serve([this](const net::HttpRequest& request) -> Result<net::HttpResponse> {
      if (request.method != "GET") {
        done.push_back(request.method + request.url.substr(request.url.find("/apis")) + " " + request.body);
        return k8s::answer(status, status < 300 ? "" : k8s::failure(status, reason));
      }
      if (!exists || request.url.find(missing) != std::string::npos)
        return k8s::answer(404, k8s::failure(404, "NotFound"));
      const std::string list = "/virtualmachineinstancemigrations";
      if (request.url.find(list) != std::string::npos && request.url.find(list + "/") == std::string::npos)
        return k8s::answer(200, json({{"items", migrations}}).dump());
      json object{{"metadata", metadata}, {"status", {{"phase", "Running"}}}};
      object["metadata"]["uid"] = uid;
      return k8s::answer(200, object.dump());
    });
  }

  k8s::TestWorld world;
  bool exists = true;
  std::string missing = "nothing";  ///< in the path of what is not there
  std::string uid = "i1";
  json metadata{{"namespace", "shop"}, {"name", "web"}};
  int status = 202;
  std::string reason{};
  std::vector<std::string> done;
  json migrations = json::array();
  k8s::Client client = world.client();
  MachineTarget target{client};
};

const TargetRef kInstance{kMachineInstanceKind, "shop", "web", "i1"};

json migration(const std::string& name, const std::string& of, const std::string& phase) {
  return {{"metadata", {{"namespace", "shop"}, {"name", name}, {"uid", "uid-" + name}}},
          {"spec", {{"vmiName", of}}},
          {"status", {{"phase", phase}}}};
}

MachineInstance instance() {
  MachineInstance instance;
  instance.meta = {};
  instance.meta.name_space = "shop";
  instance.meta.name = "web";
  instance.meta.uid = "i1";
  return instance;
}

}  // namespace

TEST_CASE("an instance is read live, and a namesake is none") {
  Fixture fixture;
  CHECK(fixture.target.read(kInstance).value().has_value());
  fixture.uid = "i2";
  CHECK_FALSE(fixture.target.read(kInstance).value().has_value());
  CHECK(fixture.target.find("shop", "web").value().has_value());
  fixture.exists = false;
  CHECK_FALSE(fixture.target.read(kInstance).value().has_value());
}

TEST_CASE("a pause goes to the subresource, and what was before is noted") {
  Fixture fixture;
  MachineInstance connected = instance();
  connected.agent_connected = true;
  const Action pause = plan_pause(connected);
  REQUIRE(fixture.target.apply(pause, {}));
  CHECK(fixture.done ==
        std::vector<std::string>{
            "PUT/apis/subresources.kubevirt.io/v1/namespaces/shop/virtualmachineinstances/web/pause {}"});
  CHECK(had_agent(pause) == true);
  CHECK(had_agent(plan_pause(instance())) == false);
}

TEST_CASE("nothing is done to a namesake") {
  Fixture fixture;
  fixture.uid = "i2";
  const auto paused = fixture.target.apply(plan_pause(instance()), {});
  REQUIRE_FALSE(paused);
  CHECK(paused.error().code == ErrorCode::kConflict);
  CHECK(fixture.done.empty());
}

TEST_CASE("what virt-api forbids is for a person, what it cannot do now is looked at again") {
  Fixture fixture;
  fixture.status = 403;
  fixture.reason = "Forbidden";
  CHECK(fixture.target.apply(plan_pause(instance()), {}).error().code == ErrorCode::kRefused);
  fixture.status = 409;
  fixture.reason = "Conflict";
  CHECK(fixture.target.apply(plan_pause(instance()), {}).error().code == ErrorCode::kConflict);
}

TEST_CASE("an action on what is not KubeVirt's is refused before anything is sent") {
  Fixture fixture;
  for (const char* resource : {"pods", "pods/exec", "virtualmachines.kubevirt.io", "", "/pause"}) {
    INFO(resource);
    Action action = plan_pause(instance());
    action.resource = resource;
    CHECK_FALSE(fixture.target.apply(action, {}));
    CHECK(fixture.done.empty());
  }
  Action odd = plan_pause(instance());
  odd.body = "[]";
  CHECK_FALSE(fixture.target.apply(odd, {}));
  CHECK(fixture.done.empty());
}

TEST_CASE("the deletion of what is gone is done") {
  Fixture fixture;
  const auto deleted = [&](int status, const char* reason) {
    fixture.status = status;
    fixture.reason = reason;
    return fixture.target.apply(plan_instance_deletion(kInstance), {}).has_value();
  };
  CHECK(deleted(404, "NotFound"));
  CHECK_FALSE(deleted(409, "Conflict"));  // and it is still there
  fixture.uid = "i2";
  CHECK(deleted(409, "Conflict"));
  fixture.exists = false;
  CHECK(deleted(409, "Conflict"));
  CHECK(fixture.done.front().find(R"("uid":"i1")") != std::string::npos);
}

TEST_CASE("a snapshot of its name that somebody else has made is not taken as ours") {
  Fixture fixture;
  Machine machine;
  machine.meta = instance().meta;
  const Action snapshot = plan_snapshot(machine, "kintsugi-inc-1", "inc-1");
  fixture.status = 409;
  fixture.reason = "AlreadyExists";
  const auto refused = fixture.target.apply(snapshot, {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kRefused);
  CHECK(refused.error().to_string().find("shop/kintsugi-inc-1") != std::string::npos);
  fixture.metadata = json::parse(snapshot.body)["metadata"];
  CHECK(fixture.target.apply(snapshot, {}));
}

TEST_CASE("a new disk's name is free, or the machine's own, or somebody else's") {
  Fixture fixture;
  Machine machine;
  machine.meta = instance().meta;
  machine.meta.uid = "m1";
  const auto foreign = [&](const json& owners) {
    fixture.metadata["ownerReferences"] = owners;
    return fixture.target.foreign_disk("db-root-k1", machine).value();
  };
  const auto owner = [](const char* uid, bool is_controller) {
    return json::array(
        {{{"kind", "VirtualMachine"}, {"name", "web"}, {"uid", uid}, {"controller", is_controller}}});
  };
  CHECK(foreign(owner("m1", true)).empty());
  CHECK(foreign(owner("m1", false)) == "datavolumes.cdi.kubevirt.io shop/db-root-k1");
  CHECK_FALSE(foreign(owner("m2", true)).empty());
  CHECK_FALSE(foreign(json::array()).empty());
  fixture.missing = "/datavolumes/";
  CHECK(foreign(json::array()) == "persistentvolumeclaims shop/db-root-k1");
  CHECK(foreign(owner("m1", true)).empty());
  fixture.exists = false;
  CHECK(foreign(json::array()).empty());
}

TEST_CASE("a migration of the instance that is under way is ended, and none of its name") {
  Fixture fixture;
  fixture.migrations = {migration("away", "web", "Running"),   migration("new", "web", ""),
                        migration("done", "web", "Succeeded"), migration("lost", "web", "Failed"),
                        migration("other", "db", "Running"),   migration("ending", "web", "Running")};
  fixture.migrations.back()["metadata"]["deletionTimestamp"] = "2026-11-21T10:00:00Z";
  const auto under_way = fixture.target.migrations_of(kInstance);
  REQUIRE(under_way);
  REQUIRE(under_way->size() == 2);
  CHECK(under_way->at(0).name == "away");
  CHECK(under_way->at(1).name == "new");
  fixture.status = 409;
  fixture.reason = "Conflict";
  fixture.uid = "another of its name";
  CHECK(fixture.target.apply(plan_migration_end(kInstance, under_way->at(0)), {}).has_value());
  REQUIRE(fixture.done.size() == 1);
  CHECK(
      fixture.done.front().starts_with("DELETE/apis/kubevirt.io/v1/namespaces/shop/"
                                       "virtualmachineinstancemigrations/away"));
  CHECK(fixture.done.front().find(R"("uid":"uid-away")") != std::string::npos);
}

TEST_CASE("a note of a pause that was edited is none") {
  for (const char* note :
       {"", "{}", "[]", "null", R"({"agentConnected": "yes"})", R"({"agentConnected": 1})"}) {
    INFO(note);
    Action action;
    action.undo = note;
    CHECK_FALSE(had_agent(action));
  }
}
