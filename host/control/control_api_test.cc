// SPDX-License-Identifier: Apache-2.0
#include "host/control/control_api.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "host/control/control_test_world.h"
#include "model/incident_json.h"

namespace kintsugi::host {

TEST_CASE("an incident is given out as an API server gives it out") {
  const World world;
  const json object = world.ask("GET", kIncident);
  CHECK(object["apiVersion"] == kApiVersion);
  CHECK(object["kind"] == "Incident");
  CHECK(object["metadata"]["namespace"] == "host");
  CHECK(object["metadata"]["creationTimestamp"] == "2026-01-01T00:10:00Z");
  CHECK(object["metadata"]["resourceVersion"] == world.version());
  CHECK(object["metadata"]["uid"] == world.stored().uid);
  const auto incident = incident_from_json(object);
  REQUIRE(incident);
  CHECK(incident->spec.target == kTarget);
  CHECK_FALSE(incident->being_deleted);
}

TEST_CASE("lists are narrowed by namespace and label") {
  const World world;
  struct Case {
    std::string target;
    std::size_t count;
  };
  const Case cases[] = {
      {kIncidents, 1},
      {"/apis/kintsugi.dev/v1alpha1/incidents?limit=500", 1},
      {"/apis/kintsugi.dev/v1alpha1/namespaces/other/incidents", 0},
      {kIncidents + "?labelSelector=kintsugi.dev%2Ftarget-uid%3D0c8b6d1e-uuid", 1},
      {kIncidents + "?labelSelector=kintsugi.dev/target-uid+in+(a,0c8b6d1e-uuid)", 1},
      {kIncidents + "?labelSelector=kintsugi.dev/target-uid!=0c8b6d1e-uuid", 0},
      {"/apis/kintsugi.dev/v1alpha1/namespaces/host/playbooks", 2},
      {"/apis/kintsugi.dev/v1alpha1/namespaces/other/playbooks", 0},
      {"/apis/host.kintsugi.dev/v1/domains", 2},
  };
  for (const Case& c : cases) {
    INFO(c.target);
    CHECK(world.ask("GET", c.target)["items"].size() == c.count);
  }
}

TEST_CASE("domains and playbooks are found by name") {
  const World world;
  const json domain = world.ask("GET", "/apis/host.kintsugi.dev/v1/domains/left%20alone");
  CHECK(domain == parse_json(R"({"apiVersion":"host.kintsugi.dev/v1","kind":"Domain",
      "metadata":{"name":"left alone","uid":"uuid-2"},"spec":{"protected":false},"status":{"active":false}})")
                      .value());
  const json playbook = world.ask("GET", "/apis/kintsugi.dev/v1alpha1/namespaces/host/playbooks/rebuild");
  CHECK(playbook["kind"] == "Playbook");
  CHECK(playbook["metadata"]["name"] == "rebuild");
}

TEST_CASE("a backup is made where the request says, if that can be meant") {
  World world;
  std::vector<std::string> made;
  ControlWorld with_backup{.store = world.store, .clock = world.clock};
  with_backup.backup = [&](const std::string& path) -> Result<void> {
    if (path == "/full") return fail(ErrorCode::kTooLarge, "no space left on device");
    made.push_back(path);
    return {};
  };
  const ControlApi api(with_backup);
  const auto ask = [&](const std::string& method, const std::string& body, const std::string& query = "") {
    net::ServerRequest request;
    request.method = method;
    request.path = "/apis/host.kintsugi.dev/v1/backups";
    request.query = query;
    request.body = body;
    request.headers.add("Content-Type", "application/json");
    request.peer_uid = 0;
    return api.answer(request).status;
  };
  for (const std::string body :
       {R"({})", R"([])", R"("/a")", R"({"spec": "/a"})", R"({"spec": {}})", R"({"spec": {"path": 1}})",
        R"({"spec": {"path": ""}})", R"({"spec": {"path": "a"}})", R"({"spec": {"path": "/a\u0000b"}})"}) {
    INFO(body);
    CHECK(ask("POST", body) == 400);
  }
  CHECK(ask("POST", R"({"spec": {"path": "/)" + std::string(5000, 'a') + "\"}}") == 400);
  CHECK(ask("POST", R"({"spec": {"path": "/a"}})", "dryRun=All") == 400);
  CHECK(ask("GET", R"({"spec": {"path": "/a"}})") == 405);
  CHECK(ask("POST", R"({"spec": {"path": "/full"}})") >= 400);
  CHECK(made.empty());
  CHECK(ask("POST", R"({"spec": {"path": "/var/backups/kintsugi.db"}})") == 201);
  CHECK(made == std::vector<std::string>{"/var/backups/kintsugi.db"});
}

TEST_CASE("the ledger is given out as the texts that it keeps") {
  World world;
  const std::string path = "/apis/host.kintsugi.dev/v1/ledgerentries";
  CHECK(world.send("GET", path).status == 404);
  ControlWorld with_ledger{.store = world.store, .clock = world.clock};
  with_ledger.ledger = [] {
    incidents::LedgerContents contents;
    incidents::LedgerRecord& record = contents.records.emplace_back();
    record.uid = "u";
    record.name = "inc-1-1";
    contents.totals.emplace_back("{}");
    return contents;
  };
  net::ServerRequest request;
  request.method = "GET";
  request.path = path;
  request.peer_uid = 0;
  const auto response = ControlApi(with_ledger).answer(request);
  REQUIRE(response.status == 200);
  const json items = parse_json(response.body).value()["items"];
  REQUIRE(items.size() == 2);
  CHECK(incidents::parse_ledger_record(items[0]["record"].get<std::string>())->name == "inc-1-1");
  CHECK(items[1]["total"] == "{}");
  with_ledger.ledger = []() -> Result<incidents::LedgerContents> {
    return fail(ErrorCode::kInternal, "torn");
  };
  CHECK(ControlApi(with_ledger).answer(request).status == 500);
}

TEST_CASE("only root and the process's own user are answered") {
  World world;
  for (const std::uint32_t uid : {0u, kOwnUid}) {
    world.peer_uid = uid;
    CHECK(world.send("GET", kIncidents).status == 200);
  }
  for (const std::uint32_t uid : {1u, 65'534u, 4'294'967'295u}) {
    world.peer_uid = uid;
    for (const char* method : {"GET", "POST", "PATCH", "DELETE"}) {
      const auto response = world.send(method, kIncident);
      CHECK(response.status == 403);
      CHECK(parse_json(response.body).value()["reason"] == "Forbidden");
    }
  }
  net::ServerRequest over_tcp;
  over_tcp.method = "GET";
  over_tcp.path = kIncidents;
  CHECK(world.api.answer(over_tcp).status == 403);
  REQUIRE(world.api.refusal_for(over_tcp));
}

TEST_CASE("what is not there, or is not done, has the status of an API server") {
  const World world;
  const std::string domains = "/apis/host.kintsugi.dev/v1/domains";
  const std::string playbooks = "/apis/kintsugi.dev/v1alpha1/namespaces/host/playbooks";
  struct Case {
    int status;
    std::string method, target;
  };
  const Case cases[] = {
      {404, "GET", "/"},
      {404, "GET", ""},
      {404, "GET", "/healthz"},
      {404, "GET", "/api/v1/namespaces/host/pods"},
      {404, "GET", "/apis/kintsugi.dev/v1alpha1"},
      {404, "GET", "/apis/kintsugi.dev/v1/namespaces/host/incidents"},
      {404, "GET", "/apis/kintsugi.dev/v1alpha1/namespaces//incidents"},
      {404, "GET", "/apis/kintsugi.dev/v1alpha1/namespaces/host/secrets"},
      {404, "GET", "/apis/kintsugi.dev/v1alpha1/incidents/" + kIncidentName},
      {404, "GET", "/apis/host.kintsugi.dev/v1/namespaces/host/domains"},
      {404, "GET", kIncidents + "/"},
      {404, "GET", kIncident + "/status"},
      {404, "PATCH", kIncident + "/status"},
      {404, "GET", "//apis/kintsugi.dev/v1alpha1/incidents"},
      {404, "GET", kIncidents + "/inc-0-1"},
      {404, "GET", "/apis/kintsugi.dev/v1alpha1/namespaces/other/incidents/" + kIncidentName},
      {404, "GET", domains + "/missing"},
      {404, "GET", playbooks + "/missing"},
      {404, "GET", "/apis/kintsugi.dev/v1alpha1/namespaces/other/playbooks/rebuild"},
      {404, "DELETE", kIncidents + "/inc-0-1"},
      {404, "GET", "/apis/host.kintsugi.dev/v1/ledgerentries/a"},
      {405, "POST", "/apis/host.kintsugi.dev/v1/ledgerentries"},
      {404, "POST", "/apis/host.kintsugi.dev/v1/backups"},
      {400, "GET", kIncidents + "/%"},
      {400, "GET", kIncidents + "/%zz"},
      {400, "GET", kIncidents + "/%00"},
      {400, "GET", kIncidents + "?labelSelector=%f"},
      {400, "GET", kIncidents + "?labelSelector=a%3Db%3Dc"},
      {400, "GET", kIncidents + "?fieldSelector=metadata.name%3Da"},
      {400, "GET", kIncidents + "?" + std::string(40, '&')},
      {400, "DELETE", kIncident + "?dryRun=Some"},
      {405, "GET", kIncidents + "?watch=true"},
      {405, "DELETE", kIncidents},
      {405, "PUT", kIncident},
      {405, "POST", kIncident},
      {405, "HEAD", kIncident},
      {405, "POST", "/apis/kintsugi.dev/v1alpha1/incidents"},
      {405, "POST", playbooks},
      {405, "DELETE", playbooks + "/rebuild"},
      {405, "DELETE", domains + "/web-1"},
      {405, "PATCH", domains + "/web-1"},
  };
  for (const Case& c : cases) {
    INFO(c.method << " " << c.target);
    const auto response = world.send(c.method, c.target);
    CHECK(response.status == c.status);
    const json status = parse_json(response.body).value();
    CHECK(status["kind"] == "Status");
    CHECK(status["code"] == c.status);
  }
  CHECK(world.stored().resource_version == "1");
}

TEST_CASE("a hypervisor that does not answer is said to be so") {
  World world;
  world.domains = fail(ErrorCode::kUnavailable, "libvirtd does not answer");
  for (const auto& response :
       {world.send("GET", "/apis/host.kintsugi.dev/v1/domains"), world.send("POST", kIncidents, "{}")}) {
    CHECK(response.status == 503);
    CHECK(response.headers.find("Retry-After") != nullptr);
    CHECK(response.body.find("libvirtd does not answer") != std::string::npos);
  }
}

TEST_CASE("only an incident that is over is deleted, and only the one that was meant") {
  World world;
  CHECK(world.send("DELETE", kIncident).status == 403);
  Incident incident = world.stored();
  incident.status.outcome = Outcome::kReleased;
  REQUIRE(world.store.update_status(incident));
  CHECK(world.send("DELETE", kIncident, R"({"preconditions":{"uid":"another"}})").status == 409);
  CHECK(world.send("DELETE", kIncident, R"({"preconditions":{"resourceVersion":"1"}})").status == 409);
  CHECK(world.send("DELETE", kIncident, R"({"preconditions":{"uid":7}})").status == 400);
  CHECK(world.send("DELETE", kIncident, R"({"preconditions":7})").status == 400);
  CHECK(world.send("DELETE", kIncident, R"({"dryRun":["Some"]})").status == 400);
  CHECK(world.send("DELETE", kIncident, "[]").status == 400);
  CHECK(world.send("DELETE", kIncident, R"({"dryRun":["All"]})").status == 200);
  CHECK(world.send("DELETE", kIncident + "?dryRun=All").status == 200);
  CHECK(world.store.list().size() == 1);
  CHECK(
      world.send("DELETE", kIncident, R"({"preconditions":{"uid":")" + world.stored().uid + "\"}}").status ==
      200);
  CHECK(world.store.list().empty());
}

}  // namespace kintsugi::host
