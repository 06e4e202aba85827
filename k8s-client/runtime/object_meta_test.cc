// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/object_meta.h"

#include <catch2/catch.hpp>

#include "base/time.h"
#include "k8s-client/runtime/store.h"

using namespace kintsugi;
using namespace kintsugi::k8s;

namespace {

Result<ObjectMeta> read(std::string text) {
  static ObjectMetaReader reader({"kintsugi.dev/", "controller.kubernetes.io/pod-deletion-cost"});
  return reader.read(padded(text));
}

}  // namespace

TEST_CASE("metadata is read whole, but for what caches do not keep (K4.8)") {
  const auto meta = read(R"({"kind":"Pod","spec":{"containers":[]},"metadata":{
    "name":"web-1","namespace":"shop","uid":"u1","resourceVersion":"42","generation":3,
    "labels":{"tier":"front","app":"web","a":"\u00e9"},
    "annotations":{"kintsugi.dev/incident":"inc-1","kubectl.kubernetes.io/last-applied-configuration":"{}"},
    "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"r1","controller":true},
                       {"apiVersion":"v1","kind":"Node","name":"n1","uid":"n"}],
    "deletionTimestamp":"2026-11-21T09:58:00Z","finalizers":["kintsugi.dev/ledger"],
    "managedFields":[{"manager":"x","fieldsV1":{"f:metadata":{}}}]},"status":{}})");
  REQUIRE(meta);
  CHECK(meta->key == ObjectKey{"shop", "web-1"});
  CHECK(meta->uid == "u1");
  CHECK(meta->resource_version == "42");
  CHECK(meta->labels.all().size() == 3);
  CHECK(*meta->labels.find("app") == "web");
  CHECK(*meta->labels.find("a") == "\xC3\xA9");
  CHECK_FALSE(meta->labels.find("ap"));
  CHECK(meta->annotations.all().size() == 1);
  CHECK(*meta->annotations.find("kintsugi.dev/incident") == "inc-1");
  REQUIRE(meta->owners.size() == 2);
  CHECK(meta->controller()->uid == "r1");
  CHECK(meta->deletion == parse_rfc3339("2026-11-21T09:58:00Z").value());
  CHECK(meta->has_finalizers);
}

TEST_CASE("absent and null fields are empty") {
  const auto meta = read(
      R"({"metadata":{"name":"n","labels":null,"annotations":null,"ownerReferences":null,"finalizers":[]}})");
  REQUIRE(meta);
  CHECK(meta->key.name_space.empty());
  CHECK(meta->labels.all().empty());
  CHECK(meta->owners.empty());
  CHECK_FALSE(meta->controller());
  CHECK_FALSE(meta->deletion);
  CHECK_FALSE(meta->has_finalizers);
}

TEST_CASE("metadata of the wrong shape is refused") {
  const std::string text = GENERATE(
      "", "7", "null", "[]", "{}", R"({"metadata":null})", R"({"metadata":[]})", R"({"metadata":{}})",
      R"({"metadata":{"name":""}})", R"({"metadata":{"name":7}})", R"({"metadata":{"name":"n","labels":[]}})",
      R"({"metadata":{"name":"n","labels":{"a":1}}})", R"({"metadata":{"name":"n","labels":{"a":null}}})",
      R"({"metadata":{"name":"n","ownerReferences":{}}})",
      R"({"metadata":{"name":"n","ownerReferences":["x"]}})",
      R"({"metadata":{"name":"n","deletionTimestamp":"yesterday"}})", R"({"metadata":{"name":"n")",
      R"({"metadata":{"name":"n"}} x)", R"({"metadata":{"name":"n","uid":{}}})");
  INFO(text);
  CHECK(read(text).error().code == ErrorCode::kInvalidInput);
}

TEST_CASE("of repeated labels the last one stays") {
  const StringPairs pairs(StringPairs::Entries{{"b", "1"}, {"a", "1"}, {"b", "2"}, {"b", "3"}});
  CHECK(pairs.all().size() == 2);
  CHECK(*pairs.find("b") == "3");
}

TEST_CASE("objects are filed under owners and labels") {
  auto object = std::make_shared<Object>();
  object->metadata.key = {"shop", "a"};
  object->metadata.owners = {{"apps/v1", "ReplicaSet", "web", "r1", true}, {"v1", "Node", "n", "n1", false}};
  object->metadata.labels = StringPairs(StringPairs::Entries{{"app", "web"}});
  Store store;
  store.add_index("owner", index_by_owner_uid());
  store.add_index("app", index_by_label("app"));
  store.add_index("tier", index_by_label("tier"));
  store.apply(object);
  CHECK(store.by_index("owner", "r1").size() == 1);
  CHECK(store.by_index("owner", "n1").size() == 1);
  CHECK(store.by_index("app", "web").size() == 1);
  CHECK(store.by_index("tier", "").empty());
  store.remove({"shop", "a"});
  CHECK(store.by_index("owner", "r1").empty());
  CHECK(store.size() == 0);
}
