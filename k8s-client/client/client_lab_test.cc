// SPDX-License-Identifier: Apache-2.0
//
// The client against a real API server: what the rules of K1, K6, K7 and K12 rest on, as that server sees it.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "k8s-client/client/config_map.h"
#include "k8s-client/client/connect.h"

using namespace kintsugi;
using namespace kintsugi::k8s;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

std::string environment_variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

json config_map(const std::string& name) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}, {"labels", {{"kintsugi-test", "yes"}}}}},
          {"data", {{"a", "1"}}}};
}

/// A connection and a namespace of its own, or the reason why there is none.
struct Lab {
  SystemClock clock;
  std::unique_ptr<Connection> connection;
  std::string name_space = "client-" + std::to_string(std::random_device()());

  bool enter() {
    const std::string path = environment_variable("KINTSUGI_LAB_KUBECONFIG");
    if (path.empty()) {
      std::cout << "skipped: KINTSUGI_LAB_KUBECONFIG names no kubeconfig of a lab\n";
      return false;
    }
    auto connected = connect({.kubeconfig = {.path = path},
                              .environment = environment_variable,
                              .user_agent = make_user_agent("kintsugi-lab-test", "1", "")},
                             clock);
    if (!connected) FAIL(connected.error().to_string());
    connection = std::move(*connected);
    const auto created = client().create(kNamespaces, "", {{"metadata", {{"name", name_space}}}});
    if (!created) FAIL(created.error().to_string());
    return true;
  }
  ~Lab() {
    if (connection) static_cast<void>(client().remove(kNamespaces, {"", name_space}));
  }
  Client& client() const { return connection->client(); }
  ObjectKey key(const std::string& name) const { return {name_space, name}; }
};

}  // namespace

TEST_CASE("an object is created, read, listed, replaced and deleted", "[lab]") {
  Lab lab;
  if (!lab.enter()) return;
  const auto created = lab.client().create(kConfigMaps, lab.name_space, config_map("one"));
  REQUIRE(created);
  CHECK(lab.client().create(kConfigMaps, lab.name_space, config_map("one")).error().code ==
        ErrorCode::kAlreadyExists);
  auto read = lab.client().get(kConfigMaps, lab.key("one"));
  REQUIRE(read);
  CHECK((*read)["metadata"]["uid"] == (*created)["metadata"]["uid"]);

  json stale = *read;
  (*read)["data"]["a"] = "2";
  CHECK(lab.client().update(kConfigMaps, lab.key("one"), *read));
  stale["data"]["a"] = "3";
  CHECK(lab.client().update(kConfigMaps, lab.key("one"), stale).error().code == ErrorCode::kConflict);

  CHECK(lab.client().remove(kConfigMaps, lab.key("one")));
  const auto gone = lab.client().get(kConfigMaps, lab.key("one"));
  CHECK(gone.error().code == ErrorCode::kNotFound);
  CHECK(gone.error().reason == "NotFound");
}

TEST_CASE("a list comes in pages and by selector", "[lab]") {
  Lab lab;
  if (!lab.enter()) return;
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    REQUIRE(lab.client().create(kConfigMaps, lab.name_space, config_map(name)));
  }
  ListParams params;
  params.label_selector = "kintsugi-test in (yes,no)";
  params.limit = 2;
  const auto all = lab.client().list(kConfigMaps, lab.name_space, params);
  REQUIRE(all);
  REQUIRE(all->size() == 5);
  CHECK((*all)[4]["kind"] == "ConfigMap");
  params.field_selector = "metadata.name=c";
  params.metadata_only = true;
  const auto one = lab.client().list(kConfigMaps, lab.name_space, params);
  REQUIRE(one);
  REQUIRE(one->size() == 1);
  CHECK_FALSE((*one)[0].contains("data"));
  params.label_selector = "((";
  CHECK(lab.client().list(kConfigMaps, lab.name_space, params).error().code == ErrorCode::kInvalidInput);
}

TEST_CASE("a failed test of a patch is told from a refusal", "[lab]") {
  Lab lab;
  if (!lab.enter()) return;
  const auto created = lab.client().create(kConfigMaps, lab.name_space, config_map("one"));
  REQUIRE(created);
  const ObjectKey key = lab.key("one");
  JsonPatch good;
  good.test("/metadata/uid", (*created)["metadata"]["uid"])
      .test("/metadata/annotations", nullptr)
      .add("/metadata/annotations", {{"kintsugi.dev/x", "1"}})
      .remove(json_pointer({"metadata", "labels", "kintsugi-test"}));
  const auto expected = apply_json_patch(*created, good.to_text());
  const auto patched = lab.client().patch(kConfigMaps, key, good);
  REQUIRE(patched);
  REQUIRE(expected);
  CHECK((*patched)["metadata"]["annotations"] == (*expected)["metadata"]["annotations"]);
  CHECK((*patched)["metadata"].contains("labels") ==
        ((*expected)["metadata"].contains("labels") && !(*expected)["metadata"]["labels"].empty()));

  CHECK(lab.client().patch(kConfigMaps, key, good).error().is_failed_patch_test());
  CHECK(lab.client()
            .patch(kConfigMaps, key, JsonPatch().test("/metadata/uid", "x"))
            .error()
            .is_failed_patch_test());
  CHECK(
      lab.client().patch(kConfigMaps, key, JsonPatch().remove("/data/gone")).error().is_failed_patch_test());

  const auto refused =
      lab.client().patch(kConfigMaps, key, JsonPatch().add("/metadata/labels", {{"bad key", "x"}}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().http_status == 422);
  CHECK_FALSE(refused.error().is_failed_patch_test());
  CHECK(refused.error().code == ErrorCode::kInvalidInput);
  REQUIRE_FALSE(refused.error().causes.empty());
  CHECK(refused.error().causes[0].field.starts_with("metadata.labels"));
  CHECK(lab.client().patch_text(kConfigMaps, key, "[{]").error().code == ErrorCode::kInvalidInput);
}

TEST_CASE("a group that is not served is told from an object that is gone", "[lab]") {
  Lab lab;
  if (!lab.enter()) return;
  constexpr Resource kUnknown{"nobody.example", "v1", "things", "Thing"};
  const auto unknown = lab.client().list(kUnknown, lab.name_space);
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().is_not_served());
  CHECK(unknown.error().code == ErrorCode::kUnavailable);
  const auto gone = lab.client().get(kConfigMaps, lab.key("nothing"));
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == ErrorCode::kNotFound);
  CHECK_FALSE(gone.error().is_not_served());
}

TEST_CASE("deletion with another's UID is a conflict and deletes nothing", "[lab]") {
  Lab lab;
  if (!lab.enter()) return;
  const auto created = lab.client().create(kConfigMaps, lab.name_space, config_map("one"));
  REQUIRE(created);
  const ObjectKey key = lab.key("one");
  const auto refused = lab.client().remove(kConfigMaps, key, {.uid = "00000000-0000-0000-0000-000000000000"});
  CHECK(refused.error().code == ErrorCode::kConflict);
  CHECK(lab.client().get(kConfigMaps, key));
  CHECK(lab.client().remove(kConfigMaps, key, {.uid = (*created)["metadata"]["uid"]}));
  CHECK_FALSE(lab.client().get(kConfigMaps, key));
}

TEST_CASE("a dry run answers and leaves nothing", "[lab]") {
  Lab lab;
  if (!lab.enter()) return;
  const CallOptions dry{.dry_run = true};
  CHECK(lab.client().create(kConfigMaps, lab.name_space, config_map("one"), dry));
  CHECK(lab.client().get(kConfigMaps, lab.key("one")).error().code == ErrorCode::kNotFound);
  REQUIRE(lab.client().create(kConfigMaps, lab.name_space, config_map("one")));
  const auto patched =
      lab.client().patch(kConfigMaps, lab.key("one"), JsonPatch().replace("/data/a", "9"), "", dry);
  REQUIRE(patched);
  CHECK((*patched)["data"]["a"] == "9");
  CHECK(lab.client().remove(kConfigMaps, lab.key("one"), {}, dry));
  const auto untouched = lab.client().get(kConfigMaps, lab.key("one"));
  REQUIRE(untouched);
  CHECK((*untouched)["data"]["a"] == "1");
}

TEST_CASE("an entry of a ConfigMap is put and removed, whatever was there before", "[lab]") {
  Lab lab;
  if (!lab.enter()) return;
  const ObjectKey key = lab.key("facts");
  const auto data = [&] {
    const auto found = lab.client().get(kConfigMaps, key);
    REQUIRE(found);
    return found->value("data", json::object());
  };
  CHECK(remove_config_map_entry(lab.client(), key, "a"));
  CHECK(put_config_map_entry(lab.client(), key, "a", "1"));
  CHECK(put_config_map_entry(lab.client(), key, "b", "2"));
  CHECK(put_config_map_entry(lab.client(), key, "a", "3"));
  CHECK(data() == json{{"a", "3"}, {"b", "2"}});
  CHECK(remove_config_map_entry(lab.client(), key, "a"));
  CHECK(remove_config_map_entry(lab.client(), key, "b"));
  CHECK(remove_config_map_entry(lab.client(), key, "b"));
  CHECK(data().empty());
  CHECK(put_config_map_entry(lab.client(), key, "c", "4"));
  CHECK(data() == json{{"c", "4"}});
}

TEST_CASE("a watch delivers what happens and ends when told to", "[lab]") {
  Lab lab;
  if (!lab.enter()) return;
  WatchParams params;
  params.timeout_seconds = 30;
  params.label_selector = "kintsugi-test=yes";
  std::string bytes;
  std::jthread writer([&] {
    std::this_thread::sleep_for(50ms);
    CHECK(lab.client().create(kConfigMaps, lab.name_space, config_map("one")));
  });
  const auto ended = lab.client().watch(kConfigMaps, lab.name_space, params, {}, [&](std::string_view piece) {
    bytes += piece;  // a bookmark may come first
    return bytes.find("\"ADDED\"") == std::string::npos || !bytes.ends_with('\n');
  });
  INFO(bytes);
  CHECK(ended);
  CHECK(bytes.find("\"ADDED\"") != std::string::npos);

  std::stop_source stop;
  const auto stopped =
      lab.client().watch(kConfigMaps, lab.name_space, params, stop.get_token(), [&](std::string_view) {
        stop.request_stop();
        return true;
      });
  CHECK(stopped.error().code == ErrorCode::kCancelled);
}

TEST_CASE("exec into a pod that does not exist is the server's refusal", "[lab]") {
  Lab lab;
  if (!lab.enter()) return;
  const auto refused = lab.client().exec(lab.key("nobody"), {.command = {"id"}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kNotFound);
  CHECK_FALSE(refused.error().outcome_unknown);
  CHECK(lab.client().logs(lab.key("nobody"), {}).error().code == ErrorCode::kNotFound);
}
