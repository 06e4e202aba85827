// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/json_text.h"
#include "cli/test_world.h"
#include "model/incident_json.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;

const TargetRef kTarget{"Pod", "shop", "web-1", "uid-1"};
const std::vector<std::string> kOpen{"open",     "shop/web-1",  "--playbook", "shell-in-container",
                                     "--reason", "seen mining", "--severity", "critical"};

json pod() {
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata",
           {{"name", "web-1"},
            {"namespace", "shop"},
            {"uid", "uid-1"},
            {"resourceVersion", "5"},
            {"creationTimestamp", "2026-01-01T00:00:00Z"},
            {"labels", {{"app", "web"}}},
            {"ownerReferences",
             {{{"apiVersion", "apps/v1"},
               {"kind", "ReplicaSet"},
               {"name", "web-6d4"},
               {"uid", "rs-uid"},
               {"controller", true}}}}}},
          {"spec", {{"nodeName", "n1"}, {"containers", {{{"name", "app"}, {"image", "r/app:1"}}}}}},
          {"status", {{"phase", "Running"}}}};
}

json replica_set() {
  return {{"apiVersion", "apps/v1"},
          {"kind", "ReplicaSet"},
          {"metadata",
           {{"name", "web-6d4"},
            {"namespace", "shop"},
            {"uid", "rs-uid"},
            {"resourceVersion", "5"},
            {"creationTimestamp", "2026-01-01T00:00:00Z"},
            {"ownerReferences",
             {{{"apiVersion", "apps/v1"},
               {"kind", "Deployment"},
               {"name", "web"},
               {"uid", "owner-uid"},
               {"controller", true}}}}}},
          {"spec", {{"replicas", 3}}}};
}

json name_space(const char* is_protected) {
  return {{"apiVersion", "v1"},
          {"kind", "Namespace"},
          {"metadata",
           {{"name", "shop"},
            {"uid", "ns-uid"},
            {"resourceVersion", "1"},
            {"creationTimestamp", "2026-01-01T00:00:00Z"},
            {"labels", {{"kintsugi.dev/protected", is_protected}}}}}};
}

/// A pod of a Deployment in a protected namespace; incidents are created as the API server does it.
struct OpenWorld : TestWorld {
  explicit OpenWorld(const std::vector<Incident>& incidents = {}, const char* is_protected = "true") {
    keep("/api/v1/namespaces/shop/pods/web-1", pod());
    keep("/apis/apps/v1/namespaces/shop/replicasets/web-6d4", replica_set());
    keep("/api/v1/namespaces/shop", name_space(is_protected));
    transport.when("GET", "/apis/kintsugi.dev/v1alpha1/namespaces/kintsugi-system/playbooks/")
        .respond(404, failure(404, "NotFound"));
    keep_list(incidents);
  }
  /// Takes creates, unless a rule before says otherwise.
  void take_creates() {
    transport.when("POST", kIncidentsPath)
        .answer([](const net::HttpRequest& request) -> Result<net::HttpResponse> {
          json object = parse_json(request.body).value();
          object["metadata"]["uid"] = "new-uid";
          return net::HttpResponse{201, {}, json_text(object)};
        });
  }
};

TEST_CASE("opening makes the first generation of the pod's UID, with the owner and the reason") {
  OpenWorld world;
  world.take_creates();
  const Ending ending = world.run(kOpen);
  INFO(ending.err);
  CHECK(ending.code == ExitCode::kDone);
  CHECK(ending.out == "incident.kintsugi.dev/" + incident_name(kTarget, 1) + " opened\n");
  CHECK(ending.err.find("there is no Playbook shell-in-container") != std::string::npos);
  const json object = world.latest_write();
  CHECK(!object.contains("status"));
  CHECK(object["metadata"]["labels"][std::string(kTargetUidLabel)] == "uid-1");
  const auto incident = incident_from_json(object);
  REQUIRE(incident);
  CHECK(incident->name_space == "kintsugi-system");
  CHECK(incident->spec.target == kTarget);
  CHECK(incident->spec.owner == OwnerRef{"Deployment", "web", "owner-uid"});
  CHECK(incident->spec.origin.source == "person");
  CHECK(incident->spec.origin.rule == "opened by alice");
  CHECK(incident->spec.origin.summary == "seen mining");
  CHECK(incident->spec.origin.severity == Severity::kCritical);
  CHECK(incident->spec.origin.detected == kTestNow);
  CHECK(incident->spec.playbook == "shell-in-container");
  CHECK(incident->spec.mode == Mode::kFull);
}

TEST_CASE("opening about a virtual machine's launcher is about the machine that its owner names") {
  OpenWorld world;
  world.take_creates();
  json launcher = pod();
  launcher["metadata"]["labels"]["kubevirt.io"] = "virt-launcher";
  SECTION("which is there") {
    launcher["metadata"]["ownerReferences"] = {{{"apiVersion", "kubevirt.io/v1"},
                                                {"kind", "VirtualMachineInstance"},
                                                {"name", "db"},
                                                {"uid", "vmi-uid"},
                                                {"controller", true}}};
    world.objects["/api/v1/namespaces/shop/pods/web-1"] = launcher;
    const Ending ending = world.run(kOpen);
    INFO(ending.err);
    CHECK(ending.code == ExitCode::kDone);
    const auto incident = incident_from_json(world.latest_write());
    REQUIRE(incident);
    CHECK(incident->spec.target == TargetRef{"VirtualMachineInstance", "shop", "db", "vmi-uid"});
  }
  SECTION("and about a pod where its label alone says so") {
    world.objects["/api/v1/namespaces/shop/pods/web-1"] = launcher;
    REQUIRE(world.run(kOpen).code == ExitCode::kDone);
    const auto incident = incident_from_json(world.latest_write());
    REQUIRE(incident);
    CHECK(incident->spec.target.kind == "Pod");
  }
}

TEST_CASE("the version and the mode of a playbook that is a resource are recorded") {
  OpenWorld world;
  world.take_creates();
  TestWorld& base = world;
  const std::string path = "/apis/kintsugi.dev/v1alpha1/namespaces/sec/playbooks/p";
  base.keep(path, {{"apiVersion", kApiVersion},
                   {"kind", "Playbook"},
                   {"metadata", {{"name", "p"}, {"namespace", "sec"}}},
                   {"spec",
                    {{"signals", {{{"source", "falco"}}}},
                     {"mode", "contain-only"},
                     {"steps", {{{"contain", json::object()}}}}}}});
  base.transport.when("GET", "/apis/kintsugi.dev/v1alpha1/namespaces/sec/incidents")
      .respond(
          200,
          R"({"kind":"IncidentList","apiVersion":"kintsugi.dev/v1alpha1","metadata":{"resourceVersion":"1"},"items":[]})");
  base.transport.when("POST", "/apis/kintsugi.dev/v1alpha1/namespaces/sec/incidents")
      .answer([](const net::HttpRequest& request) -> Result<net::HttpResponse> {
        return net::HttpResponse{201, {}, request.body};
      });
  const Ending ending = world.run({"open", "pod/web-1", "--playbook", "p", "--reason", "r", "-n", "sec"});
  INFO(ending.err);
  REQUIRE(ending.code == ExitCode::kDone);
  CHECK(world.latest_write()["spec"]["mode"] == "contain-only");
  CHECK(world.latest_write()["spec"]["playbookHash"].get<std::string>().size() == 64);
  CHECK(ending.err.empty());

  world.objects[path]["spec"]["mode"] = "brutal";
  CHECK(world.run({"open", "pod/web-1", "--playbook", "p", "--reason", "r", "-n", "sec"}).code ==
        ExitCode::kError);
}

TEST_CASE("an open incident of the pod is named instead of making another") {
  OpenWorld world({waiting_incident()});
  const Ending ending = world.run(kOpen);
  CHECK(ending.code == ExitCode::kDone);
  CHECK(ending.out == "incident.kintsugi.dev/" + waiting_incident().name + " unchanged\n");
  CHECK(ending.err.find("incident " + waiting_incident().name + " is open for this pod already") !=
        std::string::npos);
  CHECK(ending.err.find("Playbook") == std::string::npos);
  std::vector<std::string> line = kOpen;
  line.emplace_back("--error-unchanged");
  CHECK(world.run(line).code == ExitCode::kNothingChanged);
  const Ending other = world.run({"open", "shop/web-1", "--playbook", "miner", "--reason", "r"});
  CHECK(other.code == ExitCode::kNothingChanged);
  CHECK(other.err.find("already, with playbook shell-in-container;") != std::string::npos);
  CHECK(other.out.empty());
  CHECK(world.writes() == 0);
}

TEST_CASE("after incidents that are over comes the next generation") {
  Incident over = waiting_incident();
  over.name = incident_name(kTarget, 4);
  over.status.outcome = Outcome::kRecovered;
  OpenWorld world({over});
  world.take_creates();
  CHECK(world.run(kOpen).out == "incident.kintsugi.dev/" + incident_name(kTarget, 5) + " opened\n");
}

TEST_CASE("whoever was faster is respected") {
  OpenWorld world;
  world.transport.when("POST", kIncidentsPath).times(1).respond(409, failure(409, "AlreadyExists"));
  Incident other = waiting_incident();
  SECTION("with an incident that is open") {
    world.keep(other);
    const Ending ending = world.run(kOpen);
    CHECK(ending.code == ExitCode::kDone);
    CHECK(world.writes() == 1);
  }
  SECTION("with one that is over already") {
    other.status.outcome = Outcome::kReleased;
    world.keep(other);
    world.take_creates();
    CHECK(world.run(kOpen).out == "incident.kintsugi.dev/" + incident_name(kTarget, 2) + " opened\n");
  }
}

TEST_CASE("a create without an answer is looked for before anything is said") {
  OpenWorld world;
  Error error = make_error(ErrorCode::kTimeout, "no answer");
  error.outcome_unknown = true;
  const std::string path = std::string(kIncidentsPath) + "/" + incident_name(kTarget, 1);
  SECTION("it was done") {
    world.transport.when("POST", kIncidentsPath)
        .answer([&](const net::HttpRequest& request) -> Result<net::HttpResponse> {
          world.keep(path, parse_json(request.body).value());
          return fail(error);
        });
    CHECK(world.run(kOpen).code == ExitCode::kDone);
  }
  SECTION("it was not") {
    world.transport.when("POST", kIncidentsPath).fail_with(error);
    world.transport.when("GET", path).respond(404, failure(404, "NotFound"));
    CHECK(world.run(kOpen).code == ExitCode::kError);
  }
  CHECK(world.writes() == 1);
}

TEST_CASE("a dry run of opening stores nothing") {
  OpenWorld world;
  world.take_creates();
  std::vector<std::string> line = kOpen;
  line.emplace_back("--dry-run=client");
  CHECK(world.run(line).out == "incident.kintsugi.dev/" + incident_name(kTarget, 1) + " opened (dry run)\n");
  CHECK(world.writes() == 0);
  line.back() = "--dry-run=server";
  CHECK(world.run(line).out ==
        "incident.kintsugi.dev/" + incident_name(kTarget, 1) + " opened (server dry run)\n");
  CHECK(world.transport.requests().back().url.find("dryRun=All") != std::string::npos);
}

TEST_CASE("what may not be a target is refused before an incident is made") {
  OpenWorld unprotected({}, "false");
  const Ending ending = unprotected.run(kOpen);
  CHECK(ending.code == ExitCode::kError);
  CHECK(ending.err.find("kubectl label namespace shop kintsugi.dev/protected=true") != std::string::npos);
  CHECK(unprotected.writes() == 0);

  TestWorld world;
  json system = pod();
  system["metadata"]["namespace"] = "kube-system";
  world.keep("/api/v1/namespaces/kube-system/pods/web-1", system);
  world.transport.when("GET", "/api/v1/namespaces/shop/pods/gone").respond(404, failure(404, "NotFound"));
  CHECK(world.run({"open", "kube-system/web-1", "--playbook", "p", "--reason", "r"}).code ==
        ExitCode::kError);
  CHECK(world.run({"open", "shop/gone", "--playbook", "p", "--reason", "r"}).code == ExitCode::kError);
  CHECK(world.writes() == 0);
}

}  // namespace
}  // namespace kintsugi::cli
