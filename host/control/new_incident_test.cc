// SPDX-License-Identifier: Apache-2.0
#include "host/control/new_incident.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/json_text.h"
#include "host/control/control_test_world.h"
#include "model/incident_json.h"

namespace kintsugi::host {
namespace {

/// What `kintsugi open` sends.
json opening(unsigned generation = 2) {
  Incident incident;
  incident.name = incident_name(kTarget, generation);
  incident.name_space = "host";
  incident.spec.target = kTarget;
  Origin& origin = incident.spec.origin;
  origin.source = "person";
  origin.rule = "opened by mallory";
  origin.severity = Severity::kError;
  origin.summary = "seen mining";
  origin.detected = origin.received = kNow - std::chrono::seconds(3);
  incident.spec.playbook = "isolate";
  incident.spec.mode = Mode::kFull;
  json object = to_json(incident);
  object.erase("status");
  return object;
}

}  // namespace

TEST_CASE("an incident is opened by whoever the kernel says") {
  World world;
  world.peer_uid = kOwnUid;
  json object = opening();
  object["status"] = {{"outcome", "recovered"}};
  const json tried = world.ask("POST", kIncidents + "?dryRun=All", json_text(object));
  CHECK(tried["spec"]["origin"]["rule"] == "opened by uid 77");
  CHECK(world.store.list().size() == 1);
  const auto response = world.send("POST", kIncidents, json_text(object));
  INFO(response.body);
  REQUIRE(response.status == 201);
  const auto created = world.store.cached(incident_name(kTarget, 2));
  REQUIRE(created);
  CHECK(created->spec.origin.rule == "opened by uid 77");
  CHECK(created->spec.origin.source == "person");
  CHECK(created->spec.origin.summary == "seen mining");
  CHECK(created->spec.origin.received == kNow - std::chrono::seconds(3));
  CHECK(created->spec.target == kTarget);
  CHECK(created->spec.mode == Mode::kFull);
  CHECK(created->created == kNow);
  CHECK_FALSE(created->is_over());
  CHECK(parse_json(response.body).value()["metadata"]["uid"] == created->uid);
  const auto again = world.send("POST", kIncidents, json_text(object));
  CHECK(again.status == 409);
  CHECK(parse_json(again.body).value()["reason"] == "AlreadyExists");
  CHECK(world.send("POST", kIncidents + "?dryRun=All", json_text(object)).status == 409);
}

TEST_CASE("what was opened without times is of now") {
  const World world;
  json object = opening();
  object["spec"].erase("origin");
  world.ask("POST", kIncidents, json_text(object));
  CHECK(world.store.cached(incident_name(kTarget, 2))->spec.origin.detected == kNow);
}

TEST_CASE("what is no opening is refused") {
  const World world;
  struct Case {
    const char* pointer;
    json value;
  };
  const Case cases[] = {
      {"/apiVersion", "v1"},
      {"/kind", "Pod"},
      {"/metadata", 7},
      {"/metadata/name", ""},
      {"/metadata/name", "mine"},
      {"/metadata/name", incident_name(kTarget, 0)},
      {"/metadata/name", incident_name(kTarget, 1'000'000)},
      {"/metadata/name", incident_name(kTarget, 2) + "0x"},
      {"/metadata/name", incident_name({"Domain", "host", "left alone", "uuid-2"}, 1)},
      {"/metadata/namespace", "other"},
      {"/spec", json::array()},
      {"/spec/target", nullptr},
      {"/spec/target/kind", "Pod"},
      {"/spec/target/namespace", "shop"},
      {"/spec/target/name", "web-2"},
      {"/spec/target/uid", "uuid-3"},
      {"/spec/target",
       {{"kind", "Domain"}, {"namespace", "host"}, {"name", "left alone"}, {"uid", "uuid-2"}}},
      {"/spec/playbook", "missing"},
      {"/spec/playbook", nullptr},
      {"/spec/playbookHash", std::string(65, 'a')},
      {"/spec/mode", "brutal"},
      {"/spec/hold", "yes"},
      {"/spec/origin/source", "falco"},
      {"/spec/origin/severity", "huge"},
      {"/spec/origin/summary", std::string(8193, 'x')},
      {"/spec/origin/detectedTime", "noon"},
      {"/spec/owner", {{"kind", "Deployment"}, {"name", "web"}}},
      {"/spec/approvals", json::array({{{"step", "contain"}, {"decision", "approve"}}})},
      {"/spec/release", {{"victim", "leave"}}},
  };
  for (const Case& c : cases) {
    json object = opening();
    object[json::json_pointer(c.pointer)] = c.value;
    INFO(c.pointer << " " << json_text(c.value).substr(0, 100));
    const auto response = world.send("POST", kIncidents, json_text(object));
    INFO(response.body);
    CHECK(response.status == 422);
    CHECK(parse_json(response.body).value().contains("details"));
  }
  CHECK(world.send("POST", kIncidents, "[]").status == 400);
  CHECK(world.send("POST", kIncidents, "{").status == 400);
  CHECK(world.send("POST", kIncidents, "").status == 415);
  CHECK(world.send("POST", kIncidents, json_text(opening()), "text/plain").status == 415);
  CHECK(world.send("POST", "/apis/kintsugi.dev/v1alpha1/namespaces/other/incidents", json_text(opening()))
            .status == 404);
  CHECK(world.store.list().size() == 1);
}

}  // namespace kintsugi::host
