// SPDX-License-Identifier: Apache-2.0
#include "sandbox/object_store.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace kintsugi;
using namespace kintsugi::sandbox;
using nlohmann::json;

namespace {

struct World {
  explicit World(std::size_t history = 4096) : store(clock, 1, history) {
    REQUIRE(store.create(k8s::kNamespaces, "", json{{"metadata", {{"name", "shop"}}}}));
  }
  Object make(const std::string& name, const json& more = json::object()) {
    json object{{"metadata", {{"name", name}}}, {"data", {{"x", "1"}}}};
    object.merge_patch(more);
    auto created = store.create(k8s::kConfigMaps, "shop", object);
    REQUIRE(created);
    return *created;
  }
  std::string version_of(const Object& object) { return text(*object, {"metadata", "resourceVersion"}); }

  ManualClock clock;
  ObjectStore store;
};

Edit set_data(const std::string& value) {
  return [value](json& object) { object["data"]["x"] = value; };
}

const k8s::ObjectKey kA{"shop", "a"};

}  // namespace

TEST_CASE("a created object gets identity, and a second of its name is refused") {
  World world;
  const Object a = world.make("a");
  CHECK(uid_of(*a).size() == 36);
  CHECK(text(*a, {"metadata", "creationTimestamp"}) == "2026-01-01T00:00:00Z");
  CHECK(text(*a, {"kind"}) == "ConfigMap");
  CHECK(namespace_of(*a) == "shop");
  const auto again = world.store.create(k8s::kConfigMaps, "shop", json{{"metadata", {{"name", "a"}}}});
  REQUIRE_FALSE(again);
  CHECK(again.error().code == 409);
  CHECK(again.error().reason == "AlreadyExists");
  CHECK(again.error().message == "configmaps \"a\" already exists");
}

TEST_CASE("what the API server refuses to create is refused") {
  struct Case {
    std::string name;
    json object;
    int code;
    std::string reason;
  };
  World world;
  const auto c = GENERATE(values<Case>({
      {"no name", json{{"metadata", json::object()}}, 422, "Invalid"},
      {"no metadata", json::object(), 422, "Invalid"},
      {"metadata of another type", json{{"metadata", 5}}, 422, "Invalid"},
      {"upper case", json{{"metadata", {{"name", "A"}}}}, 422, "Invalid"},
      {"another namespace", json{{"metadata", {{"name", "a"}, {"namespace", "other"}}}}, 400, "BadRequest"},
      {"another kind", json{{"kind", "Secret"}, {"metadata", {{"name", "a"}}}}, 400, "BadRequest"},
      {"another version", json{{"apiVersion", "v2"}, {"metadata", {{"name", "a"}}}}, 400, "BadRequest"},
      {"a label of another type", json{{"metadata", {{"name", "a"}, {"labels", {{"x", 1}}}}}}, 422,
       "Invalid"},
      {"a bad label key", json{{"metadata", {{"name", "a"}, {"labels", {{"a b", ""}}}}}}, 422, "Invalid"},
      {"a bad label value", json{{"metadata", {{"name", "a"}, {"labels", {{"a", "b c"}}}}}}, 422, "Invalid"},
      {"finalizers of another type", json{{"metadata", {{"name", "a"}, {"finalizers", {1}}}}}, 422,
       "Invalid"},
  }));
  INFO(c.name);
  const auto created = world.store.create(k8s::kConfigMaps, "shop", c.object);
  REQUIRE_FALSE(created);
  CHECK(created.error().code == c.code);
  CHECK(created.error().reason == c.reason);
  CHECK_FALSE(world.store.get(k8s::kConfigMaps, kA));
}

TEST_CASE("nothing is created in a namespace that is missing or being deleted") {
  World world;
  const auto missing = world.store.create(k8s::kConfigMaps, "nope", json{{"metadata", {{"name", "a"}}}});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message == "namespaces \"nope\" not found");
  REQUIRE(world.store.remove(k8s::kNamespaces, {"", "shop"}));
  const auto late = world.store.create(k8s::kConfigMaps, "shop", json{{"metadata", {{"name", "a"}}}});
  REQUIRE_FALSE(late);
  CHECK(late.error().code == 403);
  CHECK(late.error().cause == "NamespaceTerminating");
}

TEST_CASE("an update from an old version is a conflict, one without a version overwrites") {
  World world;
  const Object a = world.make("a");
  REQUIRE(world.store.edit(k8s::kConfigMaps, kA, set_data("2")));
  const auto stale = world.store.replace(k8s::kConfigMaps, kA, *a);
  REQUIRE_FALSE(stale);
  CHECK(stale.error().reason == "Conflict");
  CHECK(world.store.replace(k8s::kConfigMaps, kA, json{{"metadata", {{"name", "a"}}}}));
  const auto missing =
      world.store.replace(k8s::kConfigMaps, {"shop", "b"}, json{{"metadata", {{"name", "b"}}}});
  CHECK(missing.error().code == 404);
}

TEST_CASE("a write that changes nothing leaves the version as it is") {
  World world;
  const Object a = world.make("a");
  const auto same = world.store.edit(k8s::kConfigMaps, kA, set_data("1"));
  CHECK(world.version_of(*same) == world.version_of(a));
}

TEST_CASE("fields of the system survive whatever a client writes") {
  World world;
  const Object a = world.make("a");
  const auto next = world.store.edit(k8s::kConfigMaps, kA, [](json& object) {
    object["metadata"].erase("creationTimestamp");
    object["metadata"].erase("uid");
    object["metadata"]["deletionTimestamp"] = "2020-01-01T00:00:00Z";
    object["metadata"]["annotations"] = json::object();
  });
  REQUIRE(next);
  CHECK(**next == *a);
  const auto other =
      world.store.edit(k8s::kConfigMaps, kA, [](json& object) { object["metadata"]["uid"] = "another"; });
  CHECK(other.error().code == 409);
}

TEST_CASE("status and spec are written apart and only the spec counts generations") {
  World world;
  const json incident{{"apiVersion", "kintsugi.dev/v1alpha1"},
                      {"kind", "Incident"},
                      {"metadata", {{"name", "i"}}},
                      {"spec", {{"a", 1}}},
                      {"status", {{"forged", true}}}};
  const auto created = world.store.create(kIncidents, "shop", incident);
  REQUIRE(created);
  CHECK_FALSE((*created)->contains("status"));
  const Edit both = [](json& object) {
    object["spec"]["a"] = 2;
    object["status"]["b"] = 2;
    object["metadata"]["labels"]["c"] = "d";
  };
  const auto status = world.store.edit(kIncidents, {"shop", "i"}, both, {.status = true});
  CHECK((**status)["spec"]["a"] == 1);
  CHECK((**status)["status"]["b"] == 2);
  CHECK(labels_of(**status).empty());
  CHECK((**status)["metadata"]["generation"] == 1);
  const auto spec = world.store.edit(kIncidents, {"shop", "i"}, [](json& object) {
    object["spec"]["a"] = 3;
    object["status"]["b"] = 9;
  });
  CHECK((**spec)["spec"]["a"] == 3);
  CHECK((**spec)["status"]["b"] == 2);
  CHECK((**spec)["metadata"]["generation"] == 2);
}

TEST_CASE("a dry run answers as the write would and writes nothing") {
  World world;
  world.make("a");
  const std::uint64_t before = world.store.version();
  CHECK(world.store.create(k8s::kConfigMaps, "shop", json{{"metadata", {{"name", "b"}}}}, {.dry_run = true}));
  CHECK((**world.store.edit(k8s::kConfigMaps, kA, set_data("2"), {.dry_run = true}))["data"]["x"] == "2");
  CHECK(world.store.remove(k8s::kConfigMaps, kA, {.dry_run = true}));
  CHECK(world.store.version() == before);
  CHECK((**world.store.get(k8s::kConfigMaps, kA))["data"]["x"] == "1");
}

TEST_CASE("deletion preconditions are checked against the object of that name today") {
  World world;
  const Object a = world.make("a");
  const auto wrong_uid = world.store.remove(k8s::kConfigMaps, kA, {.uid = "nope"});
  CHECK(wrong_uid.error().reason == "Conflict");
  const auto wrong_version = world.store.remove(k8s::kConfigMaps, kA, {.resource_version = "1"});
  CHECK(wrong_version.error().reason == "Conflict");
  CHECK(
      world.store.remove(k8s::kConfigMaps, kA, {.uid = uid_of(*a), .resource_version = world.version_of(a)}));
  CHECK(world.store.remove(k8s::kConfigMaps, kA).error().code == 404);
}

TEST_CASE("finalizers hold an object until the last is gone") {
  World world;
  world.make("a", json{{"metadata", {{"finalizers", {"x.io/y"}}}}});
  const auto deletion = world.store.remove(k8s::kConfigMaps, kA);
  REQUIRE(deletion);
  CHECK(is_being_deleted(**deletion));
  CHECK(world.version_of(*world.store.remove(k8s::kConfigMaps, kA)) == world.version_of(*deletion));
  CHECK(world.store.edit(k8s::kConfigMaps, kA, [](json& object) { object["metadata"].erase("finalizers"); }));
  CHECK_FALSE(world.store.get(k8s::kConfigMaps, kA));
}

TEST_CASE("history is a window, and before it is 410") {
  World world(2);
  world.make("a");
  const std::uint64_t before = world.store.version();
  for (const char* value : {"2", "3"}) REQUIRE(world.store.edit(k8s::kConfigMaps, kA, set_data(value)));
  CHECK(world.store.changes_after(k8s::kConfigMaps, before)->size() == 2);
  REQUIRE(world.store.edit(k8s::kConfigMaps, kA, set_data("4")));
  const auto expired = world.store.changes_after(k8s::kConfigMaps, before);
  REQUIRE_FALSE(expired);
  CHECK(expired.error().message == "too old resource version: 3 (4)");
}

TEST_CASE("a watcher sees objects come into its selection and leave it") {
  World world;
  const Selection selection{"shop", {{"app", "web"}}, {}};
  const std::uint64_t start = world.store.version();
  world.make("a");
  const auto label = [&](const char* value) {
    return world.store.edit(k8s::kConfigMaps, kA,
                            [value](json& object) { object["metadata"]["labels"]["app"] = value; });
  };
  REQUIRE(label("web"));
  REQUIRE(world.store.edit(k8s::kConfigMaps, kA, set_data("2")));
  REQUIRE(label("other"));
  REQUIRE(label("web"));
  REQUIRE(world.store.remove(k8s::kConfigMaps, kA));
  std::vector<Change> seen;
  const auto changes = world.store.changes_after(k8s::kConfigMaps, start);
  for (const Change& change : *changes)
    if (auto one = seen_through(selection, change)) seen.push_back(*one);
  using Type = Change::Type;
  std::vector<Type> types;
  for (const Change& change : seen) types.push_back(change.type);
  CHECK(types ==
        std::vector<Type>{Type::kAdded, Type::kModified, Type::kDeleted, Type::kAdded, Type::kDeleted});
  CHECK(labels_of(*seen[2].object).at("app") == "web");
  CHECK(world.version_of(seen[2].object) == std::to_string(seen[2].version));
}
