// SPDX-License-Identifier: Apache-2.0
#include "host/control_api.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/time.h"
#include "host/testing/memory_store.h"
#include "k8s-client/core/api_error.h"
#include "model/incident_json.h"

namespace kintsugi::host {
namespace {

using nlohmann::json;

constexpr std::uint32_t kOwnUid = 77;
const WallTime kNow = *parse_rfc3339("2026-01-01T00:10:00Z");
const TargetRef kTarget{"Domain", "host", "web-1", "0c8b6d1e-uuid"};
const std::string kIncidentName = incident_name(kTarget, 1);
const std::string kIncidents = "/apis/kintsugi.dev/v1alpha1/namespaces/host/incidents";
const std::string kIncident = kIncidents + "/" + kIncidentName;

/// A host with two domains and an incident about the first of them, which waits for a person.
struct World {
  MemoryStore store;
  ManualClock clock{kNow};
  Result<std::vector<DomainEntry>> domains = std::vector<DomainEntry>{{"web-1", "0c8b6d1e-uuid", true, true},
                                                                      {"left alone", "uuid-2", false, false}};
  std::function<void()> before_write = [] {};  ///< what somebody else does between read and write
  std::uint32_t peer_uid = 0;
  ControlApi api{ControlWorld{
      .store = store,
      .update_decisions =
          [this](const Incident& incident) {
            before_write();
            return store.update_decisions(incident);
          },
      .domains = [this] { return domains; },
      .playbooks = [] { return std::vector<std::string>{"isolate", "rebuild"}; },
      .name_of_user = [](std::uint32_t uid) { return uid == 0 ? "root" : "uid " + std::to_string(uid); },
      .clock = clock,
      .own_uid = kOwnUid}};

  World() {
    Incident incident;
    incident.name = kIncidentName;
    incident.name_space = "host";
    incident.created = kNow;
    incident.has_ledger_finalizer = true;
    incident.spec.target = kTarget;
    incident.spec.playbook = "isolate";
    incident.spec.mode = Mode::kFull;
    incident.spec.approvals = {{"contain", true, "eve", "ok", kNow}};
    REQUIRE(store.create(incident, std::chrono::milliseconds(1)));
  }

  net::HttpResponse send(const std::string& method, const std::string& target, const std::string& body = "",
                         const std::string& type = "") const {
    net::ServerRequest request;
    request.method = method;
    request.target = target;
    const std::size_t question = std::min(target.find('?'), target.size());
    request.path = target.substr(0, question);
    if (question < target.size()) request.query = target.substr(question + 1);
    request.body = body;
    const bool is_patch = method == "PATCH";
    const char* usual = is_patch ? "application/json-patch+json" : "application/json";
    if (!body.empty()) request.headers.add("Content-Type", type.empty() ? usual : type);
    request.peer_uid = peer_uid;
    return api.answer(request);
  }
  json ask(const std::string& method, const std::string& target, const std::string& body = "") const {
    const auto response = send(method, target, body);
    INFO(response.body);
    REQUIRE(response.status < 300);
    return json::parse(response.body);
  }
  Incident stored() const { return *store.cached(kIncidentName); }
  std::string version() const { return stored().resource_version; }
};

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

std::string approval(const std::string& members = R"("step":"redeploy","decision":"approve")") {
  return R"([{"op":"add","path":"/spec/approvals/-","value":{)" + members + "}}]";
}

}  // namespace

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
  CHECK(domain == json::parse(R"({"apiVersion":"host.kintsugi.dev/v1","kind":"Domain",
      "metadata":{"name":"left alone","uid":"uuid-2"},"spec":{"protected":false},"status":{"active":false}})"));
  const json playbook = world.ask("GET", "/apis/kintsugi.dev/v1alpha1/namespaces/host/playbooks/rebuild");
  CHECK(playbook["kind"] == "Playbook");
  CHECK(playbook["metadata"]["name"] == "rebuild");
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
  const json items = json::parse(response.body)["items"];
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
      CHECK(json::parse(response.body)["reason"] == "Forbidden");
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
    const json status = json::parse(response.body);
    CHECK(status["kind"] == "Status");
    CHECK(status["code"] == c.status);
  }
  CHECK(world.stored().resource_version == "1");
}

TEST_CASE("decisions are kept, by whoever the kernel says has sent them") {
  struct Case {
    std::string patch;
    std::function<void(const IncidentSpec&)> check;
  };
  const Case cases[] = {
      {R"([{"op":"add","path":"/spec/hold","value":true}])",
       [](const IncidentSpec& spec) { CHECK(spec.hold); }},
      {approval(),
       [](const IncidentSpec& spec) {
         REQUIRE(spec.approvals.size() == 2);
         CHECK(spec.approvals[0].by == "eve");
         CHECK(spec.approvals[1].step == "redeploy");
         CHECK(spec.approvals[1].approved);
         CHECK(spec.approvals[1].by == "root");
         CHECK(spec.approvals[1].time == kNow);
       }},
      {approval(
           R"("step":"release","decision":"deny","by":"mallory","reason":"no","time":"2026-01-01T00:09:00Z")"),
       [](const IncidentSpec& spec) {
         REQUIRE(spec.approvals.size() == 2);
         CHECK_FALSE(spec.approvals[1].approved);
         CHECK(spec.approvals[1].by == "root");
         CHECK(spec.approvals[1].reason == "no");
         CHECK(spec.approvals[1].time == kNow - std::chrono::minutes(1));
       }},
      {R"([{"op":"test","path":"/spec/release","value":null},
           {"op":"add","path":"/spec/release","value":{"victim":"leave","by":"mallory","reason":"test"}}])",
       [](const IncidentSpec& spec) {
         REQUIRE(spec.release);
         CHECK(spec.release->victim == ReleaseOrder::Victim::kLeave);
         CHECK(spec.release->by == "root");
         CHECK(spec.release->reason == "test");
       }},
  };
  for (const Case& c : cases) {
    INFO(c.patch);
    const World world;
    const json tried = world.ask("PATCH", kIncident + "?dryRun=All", c.patch);
    c.check(incident_from_json(tried)->spec);
    CHECK(world.version() == "1");
    const json object = world.ask("PATCH", kIncident, c.patch);
    c.check(world.stored().spec);
    c.check(incident_from_json(object)->spec);
    CHECK(object["metadata"]["resourceVersion"] == world.version());
    CHECK(world.version() == "2");
  }
}

TEST_CASE("a patch that changes nothing writes nothing") {
  const World world;
  world.ask("PATCH", kIncident, "[]");
  world.ask("PATCH", kIncident, R"([{"op":"add","path":"/spec/hold","value":false}])");
  CHECK(world.version() == "1");
}

TEST_CASE("a patch meets what somebody else has written in between") {
  World world;
  int times = 1;
  world.before_write = [&] {
    if (times-- <= 0) return;
    Incident other = world.stored();
    other.status.awaiting = "redeploy";
    REQUIRE(world.store.update_status(other));
  };
  SECTION("and is planned on the newest version") {
    world.ask("PATCH", kIncident, approval());
    CHECK(world.stored().spec.approvals.size() == 2);
    CHECK(world.stored().status.awaiting == "redeploy");
  }
  SECTION("and gives up where that never ends") {
    times = 1000;
    const auto response = world.send("PATCH", kIncident, approval());
    CHECK(response.status == 409);
    CHECK(k8s::decode_api_error(response, "", "PATCH").code == ErrorCode::kConflict);
    CHECK(world.stored().spec.approvals.size() == 1);
  }
}

TEST_CASE("a failed test is told as an API server tells it") {
  const World world;
  for (
      const char* patch :
      {R"([{"op":"test","path":"/metadata/uid","value":"another"},{"op":"add","path":"/spec/hold","value":true}])",
       R"([{"op":"test","path":"/spec/approvals","value":null},{"op":"add","path":"/spec/hold","value":true}])",
       R"([{"op":"add","path":"/spec/missing/hold","value":true}])",
       R"([{"op":"remove","path":"/spec/release"}])"}) {
    INFO(patch);
    const auto response = world.send("PATCH", kIncident, patch);
    CHECK(response.status == 422);
    const auto error = k8s::decode_api_error(response, "", "PATCH");
    CHECK(error.is_failed_patch_test());
    CHECK(error.code == ErrorCode::kConflict);
    CHECK(world.version() == "1");
  }
}

TEST_CASE("a patch may do nothing but decide") {
  const World world;
  struct Case {
    int status;
    std::string patch;
  };
  const std::string long_text(1025, 'x');
  std::string many = "[";
  for (int i = 0; i < 32; ++i) many += (i == 0 ? "" : ",") + approval().substr(1, approval().size() - 2);
  const Case cases[] = {
      {400, "{}"},
      {400, "7"},
      {400, "[1]"},
      {400, "[{}]"},
      {400, "nonsense"},
      {400, R"([{"op":"add","path":"/spec/hold"}])"},
      {400, R"([{"op":"add","path":"spec/hold","value":true}])"},
      {400, R"([{"op":"move","from":"/spec/mode","path":"/spec/hold"}])"},
      {400, R"([{"op":"add","op":"add","path":"/spec/hold","value":true}])"},
      {422, R"([{"op":"add","path":"/spec/hold","value":"yes"}])"},
      {422, R"([{"op":"add","path":"/spec/mode","value":"observe"}])"},
      {422, R"([{"op":"replace","path":"/spec/target/uid","value":"uuid-2"}])"},
      {422, R"([{"op":"add","path":"/spec/owner","value":{}}])"},
      {422, R"([{"op":"add","path":"/spec/unknown","value":1}])"},
      {422, R"([{"op":"replace","path":"/metadata/name","value":"x"}])"},
      {422, R"([{"op":"add","path":"/metadata/labels/a","value":"b"}])"},
      {422, R"([{"op":"replace","path":"/metadata/resourceVersion","value":"0"}])"},
      {422, R"([{"op":"remove","path":"/metadata/finalizers"}])"},
      {422, R"([{"op":"add","path":"/status/outcome","value":"recovered"}])"},
      {422, R"([{"op":"remove","path":"/spec"}])"},
      {422, R"([{"op":"replace","path":"","value":{}}])"},
      {422, R"([{"op":"replace","path":"/spec","value":[]}])"},
      {422, R"([{"op":"remove","path":"/spec/approvals"}])"},
      {422, R"([{"op":"remove","path":"/spec/approvals/0"}])"},
      {422, R"([{"op":"replace","path":"/spec/approvals","value":[]}])"},
      {422, R"([{"op":"replace","path":"/spec/approvals/0/decision","value":"deny"}])"},
      {422, R"([{"op":"add","path":"/spec/approvals/0","value":{"step":"redeploy","decision":"deny"}}])"},
      {422, R"([{"op":"add","path":"/spec/approvals","value":"x"}])"},
      {422, R"([{"op":"add","path":"/spec/approvals/-","value":"x"}])"},
      {422, approval("")},
      {422, approval(R"("step":"redeploy")")},
      {422, approval(R"("step":"explode","decision":"approve")")},
      {422, approval(R"("step":"redeploy","decision":"maybe")")},
      {422, approval(R"("step":"redeploy","decision":true)")},
      {422, approval(R"("step":"redeploy","decision":"approve","extra":1)")},
      {422, approval(R"("step":"redeploy","decision":"approve","by":7)")},
      {422, approval(R"("step":"redeploy","decision":"approve","reason":")" + long_text + "\"")},
      {422, approval(R"("step":"redeploy","decision":"approve","time":"noon")")},
      {422, many + "]"},
      {422, R"([{"op":"add","path":"/spec/release","value":{"victim":"eat"}}])"},
      {422, R"([{"op":"add","path":"/spec/release","value":true}])"},
      {422, R"([{"op":"add","path":"/spec/release","value":{"victim":"leave","time":7}}])"},
  };
  for (const Case& c : cases) {
    INFO(c.patch.substr(0, 200));
    const auto response = world.send("PATCH", kIncident, c.patch);
    INFO(response.body);
    CHECK(response.status == c.status);
    CHECK_FALSE(k8s::decode_api_error(response, "", "PATCH").is_failed_patch_test());
    CHECK(world.version() == "1");
  }
  CHECK(world.send("PATCH", kIncident, "[]", "application/merge-patch+json").status == 415);
  CHECK(world.send("PATCH", kIncident, "").status == 415);
  CHECK(world.send("PATCH", kIncident + "?dryRun=Maybe", "[]").status == 400);
}

TEST_CASE("an incident is opened by whoever the kernel says") {
  World world;
  world.peer_uid = kOwnUid;
  json object = opening();
  object["status"] = {{"outcome", "recovered"}};
  const json tried = world.ask("POST", kIncidents + "?dryRun=All", object.dump());
  CHECK(tried["spec"]["origin"]["rule"] == "opened by uid 77");
  CHECK(world.store.list().size() == 1);
  const auto response = world.send("POST", kIncidents, object.dump());
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
  CHECK(json::parse(response.body)["metadata"]["uid"] == created->uid);
  const auto again = world.send("POST", kIncidents, object.dump());
  CHECK(again.status == 409);
  CHECK(json::parse(again.body)["reason"] == "AlreadyExists");
  CHECK(world.send("POST", kIncidents + "?dryRun=All", object.dump()).status == 409);
}

TEST_CASE("what was opened without times is of now") {
  const World world;
  json object = opening();
  object["spec"].erase("origin");
  world.ask("POST", kIncidents, object.dump());
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
    INFO(c.pointer << " " << c.value.dump().substr(0, 100));
    const auto response = world.send("POST", kIncidents, object.dump());
    INFO(response.body);
    CHECK(response.status == 422);
    CHECK(json::parse(response.body).contains("details"));
  }
  CHECK(world.send("POST", kIncidents, "[]").status == 400);
  CHECK(world.send("POST", kIncidents, "{").status == 400);
  CHECK(world.send("POST", kIncidents, "").status == 415);
  CHECK(world.send("POST", kIncidents, opening().dump(), "text/plain").status == 415);
  CHECK(
      world.send("POST", "/apis/kintsugi.dev/v1alpha1/namespaces/other/incidents", opening().dump()).status ==
      404);
  CHECK(world.store.list().size() == 1);
}

TEST_CASE("a hypervisor that does not answer is said to be so") {
  World world;
  world.domains = fail(ErrorCode::kUnavailable, "libvirtd does not answer");
  for (const auto& response : {world.send("GET", "/apis/host.kintsugi.dev/v1/domains"),
                               world.send("POST", kIncidents, opening().dump())}) {
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
