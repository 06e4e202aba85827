// SPDX-License-Identifier: Apache-2.0
#include "incidents/kubernetes_store.h"

#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/json_text.h"
#include "base/log.h"
#include "k8s-client/client/test_world.h"
#include "k8s-client/core/patch.h"
#include "model/incident_json.h"

namespace kintsugi::incidents {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

Incident incident_of(unsigned generation) {
  Incident incident;
  incident.spec.target = {"Pod", "shop", "web-1", "uid-1"};
  incident.name = incident_name(incident.spec.target, generation);
  incident.name_space = "kintsugi-system";
  incident.spec.owner = {"Deployment", "web", "uid-of-web"};
  incident.spec.playbook = "p";
  incident.spec.origin.source = "falco";
  return incident;
}

/// An API server that keeps incidents, and a store whose watch has never run: all it knows is what it wrote.
struct Fixture {
  Fixture() {
    world.transport.serve([this](const net::HttpRequest& request) { return serve(request); });
  }

  Result<net::HttpResponse> serve(const net::HttpRequest& request) {
    latest = request;
    const std::string path = request.url.substr(0, request.url.find('?'));
    const bool is_status = path.ends_with("/status");
    const std::string item = is_status ? path.substr(0, path.size() - 7) : path;
    const std::string name = item.substr(item.rfind('/') + 1);
    if (request.method == "POST") {
      json object = parse_json(request.body).value();
      const std::string created = object["metadata"]["name"];
      if (objects.contains(created)) return k8s::answer(409, k8s::failure(409, "AlreadyExists"));
      object["metadata"]["uid"] = "uid-of-" + created;
      return keep(created, object);
    }
    if (!objects.contains(name)) return k8s::answer(404, k8s::failure(404, "NotFound"));
    json object = objects[name];
    if (request.method == "PUT") {
      const json wanted = parse_json(request.body).value();
      if (wanted["metadata"]["resourceVersion"] != object["metadata"]["resourceVersion"]) {
        return k8s::answer(409, k8s::failure(409, "Conflict"));
      }
      object["status"] = wanted["status"];
      return keep(name, object);
    }
    if (request.method == "PATCH") {
      auto patched = k8s::apply_json_patch(object, request.body);
      if (!patched) return k8s::answer(422, k8s::failure(422, "Invalid"));
      return keep(name, *patched);
    }
    return k8s::answer(200, json_text(object));
  }

  net::HttpResponse keep(const std::string& name, json object) {
    object["metadata"]["resourceVersion"] = std::to_string(++revision);
    objects[name] = object;
    return k8s::answer(201, json_text(object));
  }

  k8s::TestWorld world;
  std::map<std::string, json> objects;
  net::HttpRequest latest;
  int revision = 100;
  Logger log{world.clock, LogLevel::kError, [](std::string_view) {}};
  k8s::Client client = world.client();
  KubernetesIncidentStore store{client, "kintsugi-system", world.clock, log};
};

}  // namespace

TEST_CASE("what was written is read at once, before any watch has shown it") {
  Fixture fixture;
  const auto created = fixture.store.create(incident_of(1), 500ms);
  REQUIRE(created);
  CHECK_FALSE(parse_json(fixture.latest.body).value().contains("status"));
  REQUIRE(fixture.store.cached(created->name) != nullptr);
  CHECK(fixture.store.list().size() == 1);
  CHECK(fixture.store.of_target("uid-1").size() == 1);
  CHECK(fixture.store.of_target("uid-2").empty());
  CHECK(fixture.store.of_owner("uid-of-web").size() == 1);
  CHECK(fixture.store.of_owner("uid-1").empty());
  CHECK(fixture.store.of_namespace("shop").size() == 1);
  CHECK(fixture.store.of_namespace("elsewhere").empty());

  Incident changed = *created;
  changed.status.playbook = "stronger";
  const auto written = fixture.store.update_status(changed);
  REQUIRE(written);
  CHECK(fixture.store.cached(created->name)->status.playbook == "stronger");
  CHECK(fixture.store.cached(created->name)->resource_version == written->resource_version);
}

TEST_CASE("what a create without an answer has made is found by its opener, and known from then on") {
  Fixture fixture;
  Incident wanted = incident_of(1);
  wanted.opener = "one";
  REQUIRE(fixture.store.create(wanted, 500ms));
  const std::string version = fixture.objects[wanted.name]["metadata"]["resourceVersion"];

  Fixture other;  // its create came to nothing that it knows of
  other.objects = fixture.objects;
  REQUIRE(other.store.cached(wanted.name) == nullptr);
  const auto found = other.store.get(wanted.name);
  REQUIRE(found);
  CHECK(found->opener == "one");
  REQUIRE(other.store.cached(wanted.name) != nullptr);

  SECTION("an older answer that comes later does not go before it") {
    other.objects[wanted.name]["metadata"]["resourceVersion"] = "1";
    REQUIRE(other.store.get(wanted.name));
    CHECK(other.store.cached(wanted.name)->resource_version == version);
  }
}

TEST_CASE("an own write is laid over the copy until the watch has seen it, deleted or not") {
  Fixture fixture;
  const auto created = fixture.store.create(incident_of(1), 500ms);
  REQUIRE(created);
  std::stop_source stop;
  const auto list_at = [&](const char* version) {
    fixture.world.transport.serve([&stop, version](const net::HttpRequest& request) {
      if (request.url.find("watch=") != std::string::npos) stop.request_stop();
      return k8s::answer(200,
                         std::string(R"({"metadata":{"resourceVersion":")") + version + R"("},"items":[]})");
    });
    fixture.store.run(stop.get_token());
  };
  SECTION("not yet: the listing is older") {
    list_at("100");
    CHECK(fixture.store.cached(created->name) != nullptr);
    CHECK(fixture.store.list().size() == 1);
    CHECK(fixture.store.of_target("uid-1").size() == 1);
  }
  SECTION("gone: it was deleted while nobody watched") {
    list_at("105");
    CHECK(fixture.store.cached(created->name) == nullptr);
    CHECK(fixture.store.list().empty());
    CHECK(fixture.store.of_target("uid-1").empty());
  }
}

TEST_CASE("of two creates of one name one succeeds") {
  Fixture fixture;
  REQUIRE(fixture.store.create(incident_of(1), 500ms));
  const auto again = fixture.store.create(incident_of(1), 500ms);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == ErrorCode::kAlreadyExists);
}

TEST_CASE("a status is written on what was read, and on nothing else of the object") {
  Fixture fixture;
  const auto created = fixture.store.create(incident_of(1), 500ms);
  REQUIRE(created);
  Incident stale = *created;
  stale.resource_version = "1";
  stale.status.playbook = "late";
  const auto refused = fixture.store.update_status(stale);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kConflict);
  CHECK(fixture.latest.url.ends_with("/status"));
  CHECK_FALSE(parse_json(fixture.latest.body).value().contains("spec"));
  CHECK(fixture.store.cached(created->name)->status.playbook.empty());
}

TEST_CASE("generations of a target come by number") {
  Fixture fixture;
  for (const unsigned generation : {10u, 2u, 9u, 1u})
    REQUIRE(fixture.store.create(incident_of(generation), 500ms));
  std::vector<std::string> names;
  for (const auto& incident : fixture.store.of_target("uid-1")) names.push_back(incident->name);
  CHECK(names ==
        std::vector{incident_of(1).name, incident_of(2).name, incident_of(9).name, incident_of(10).name});
}

TEST_CASE("only the ledger's finalizer of the very incident is taken off") {
  Fixture fixture;
  auto created = fixture.store.create(incident_of(1), 500ms);
  REQUIRE(created);
  const std::string name = created->name;
  fixture.objects[name]["metadata"]["finalizers"] = {"somebody.else/first", kLedgerFinalizer,
                                                     "somebody.else/last"};
  const auto finalizers = [&] { return fixture.objects[name]["metadata"]["finalizers"]; };

  SECTION("of it") {
    REQUIRE(fixture.store.release_finalizer(*created));
    CHECK(finalizers() == json({"somebody.else/first", "somebody.else/last"}));
    REQUIRE(fixture.store.release_finalizer(*created));
    CHECK(finalizers().size() == 2);
  }
  SECTION("not of a later one of its name") {
    created->uid = "another";
    REQUIRE(fixture.store.release_finalizer(*created));
    CHECK(finalizers().size() == 3);
  }
  SECTION("of one that is gone there is none") {
    fixture.objects.clear();
    CHECK(fixture.store.release_finalizer(*created));
  }
}

}  // namespace kintsugi::incidents
