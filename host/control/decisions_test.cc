// SPDX-License-Identifier: Apache-2.0
#include "host/control/decisions.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "host/control/control_test_world.h"
#include "k8s-client/core/api_error.h"
#include "model/incident_json.h"

namespace kintsugi::host {
namespace {

std::string approval(const std::string& members = R"("step":"redeploy","decision":"approve")") {
  return R"([{"op":"add","path":"/spec/approvals/-","value":{)" + members + "}}]";
}

}  // namespace

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

}  // namespace kintsugi::host
