// SPDX-License-Identifier: Apache-2.0
//
// Codes, reasons and messages as kube-apiserver 1.34 gives them.
#include "sandbox/api.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace kintsugi;
using namespace kintsugi::sandbox;
using nlohmann::json;

namespace {

struct World {
  World() {
    REQUIRE(store.create(k8s::kNamespaces, "", json{{"metadata", {{"name", "shop"}}}}));
    REQUIRE(
        store.create(k8s::kConfigMaps, "shop", json{{"metadata", {{"name", "a"}}}, {"data", {{"x", "1"}}}}));
  }
  ApiAnswer ask(const std::string& method, const std::string& target, const std::string& body = "",
                const std::string& type = "application/json", const std::string& accept = "") {
    net::ServerRequest request;
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    request.query = target.find('?') == std::string::npos ? "" : target.substr(target.find('?') + 1);
    request.body = body;
    request.headers.add("Content-Type", type);
    if (!accept.empty()) request.headers.add("Accept", accept);
    return answer(store, containers, request);
  }
  template <class... Arguments>
  net::HttpResponse respond(Arguments... arguments) {
    return std::get<net::HttpResponse>(ask(arguments...));
  }

  ManualClock clock;
  ObjectStore store{clock, 1};
  Containers containers;
};

const std::string kMaps = "/api/v1/namespaces/shop/configmaps";
constexpr const char* kPatch = "application/json-patch+json";

}  // namespace

TEST_CASE("requests are answered with the API server's codes and reasons") {
  struct Case {
    std::string name;
    std::string method;
    std::string target;
    std::string body;
    std::string type;
    int code;
    std::string reason;
    std::string message;  ///< its beginning
  };
  const std::string json_type = "application/json";
  const auto c = GENERATE_COPY(values<Case>({
      {"get", "GET", kMaps + "/a", "", json_type, 200, "", ""},
      {"get missing", "GET", kMaps + "/b", "", json_type, 404, "NotFound", "configmaps \"b\" not found"},
      {"encoded name", "GET", kMaps + "/%61", "", json_type, 200, "", ""},
      {"list of a missing namespace", "GET", "/api/v1/namespaces/nope/configmaps", "", json_type, 200, "",
       ""},
      {"unknown resource", "GET", "/api/v1/foos", "", json_type, 404, "NotFound",
       "the server could not find"},
      {"cluster-scoped in a namespace", "GET", "/api/v1/namespaces/shop/nodes", "", json_type, 404,
       "NotFound", ""},
      {"get without its namespace", "GET", "/api/v1/configmaps/a", "", json_type, 404, "NotFound", ""},
      {"unknown subresource", "GET", kMaps + "/a/scale", "", json_type, 404, "NotFound", ""},
      {"PUT of a collection", "PUT", kMaps, "{}", json_type, 405, "MethodNotAllowed",
       "the server does not allow"},
      {"create", "POST", kMaps, R"({"metadata":{"name":"b"}})", json_type, 201, "", ""},
      {"create existing", "POST", kMaps, R"({"metadata":{"name":"a"}})", json_type, 409, "AlreadyExists", ""},
      {"create, no JSON", "POST", kMaps, R"({"kind")", json_type, 400, "BadRequest",
       "the object provided is unrec"},
      {"create, an array", "POST", kMaps, "[]", json_type, 400, "BadRequest", ""},
      {"create, another type", "POST", kMaps, "a", "text/plain", 415, "UnsupportedMediaType",
       "the body of the"},
      {"create, bad dry run", "POST", kMaps + "?dryRun=Foo", "{}", json_type, 400, "BadRequest", "dryRun"},
      {"update stale", "PUT", kMaps + "/a", R"({"metadata":{"name":"a","resourceVersion":"1"}})", json_type,
       409, "Conflict", "Operation cannot be fulfilled on configmaps \"a\": the object has been modified"},
      {"update of another name", "PUT", kMaps + "/a", R"({"metadata":{"name":"b"}})", json_type, 400,
       "BadRequest", "the name of the object (b) does not match the name on the URL (a)"},
      {"update without a name", "PUT", kMaps + "/a", "{}", json_type, 400, "BadRequest",
       "the name of the object (a"},
      {"update of a missing lease makes it", "PUT", "/apis/coordination.k8s.io/v1/namespaces/shop/leases/l",
       R"({"metadata":{"name":"l"}})", json_type, 201, "", ""},
      {"patch", "PATCH", kMaps + "/a", R"([{"op":"test","path":"/data/x","value":"1"}])", kPatch, 200, "",
       ""},
      {"patch, absent annotations", "PATCH", kMaps + "/a",
       R"([{"op":"test","path":"/metadata/annotations","value":null},{"op":"add","path":"/metadata/annotations","value":{"a":"b"}}])",
       kPatch, 200, "", ""},
      {"patch, replace adds", "PATCH", kMaps + "/a", R"([{"op":"replace","path":"/data/y","value":"1"}])",
       kPatch, 200, "", ""},
      {"patch, test fails", "PATCH", kMaps + "/a", R"([{"op":"test","path":"/data/x","value":"9"}])", kPatch,
       422, "Invalid", "the server rejected our request due to an error in our request"},
      {"patch, missing path", "PATCH", kMaps + "/a", R"([{"op":"remove","path":"/data/y"}])", kPatch, 422,
       "Invalid", "the server rejected"},
      {"patch, unknown operation", "PATCH", kMaps + "/a", R"([{"op":"bogus","path":"/data/y"}])", kPatch, 422,
       "Invalid", ""},
      {"patch, the whole document", "PATCH", kMaps + "/a", R"([{"op":"replace","path":"","value":1}])",
       kPatch, 422, "Invalid", ""},
      {"a deployment without a template", "POST", "/apis/apps/v1/namespaces/shop/deployments",
       R"({"metadata":{"name":"w"},"spec":{"template":"x"}})", json_type, 422, "Invalid",
       "Deployment.apps \"w\" is"},
      {"patch, stale", "PATCH", kMaps + "/a",
       R"([{"op":"replace","path":"/metadata/resourceVersion","value":"1"}])", kPatch, 409, "Conflict", ""},
      {"patch, no array", "PATCH", kMaps + "/a", "{}", kPatch, 400, "BadRequest", "error decoding patch"},
      {"patch, no JSON", "PATCH", kMaps + "/a", "[{", kPatch, 400, "BadRequest", "error decoding patch"},
      {"merge patch", "PATCH", kMaps + "/a", "{}", "application/merge-patch+json", 415,
       "UnsupportedMediaType", ""},
      {"apply", "PATCH", kMaps + "/a?fieldManager=x", "{}", "application/apply-patch+yaml", 415,
       "UnsupportedMediaType", ""},
      {"delete, wrong uid", "DELETE", kMaps + "/a", R"({"preconditions":{"uid":"nope"}})", json_type, 409,
       "Conflict", ""},
      {"delete", "DELETE", kMaps + "/a", "", json_type, 200, "", ""},
      {"delete, no JSON", "DELETE", kMaps + "/a", "{", json_type, 500, "", "couldn't get version/kind"},
      {"bad label selector", "GET", kMaps + "?labelSelector=a+b+c", "", json_type, 400, "BadRequest",
       "unable to parse requirement"},
      {"bad field selector", "GET", kMaps + "?fieldSelector=spec.foo%3D1", "", json_type, 400, "BadRequest",
       "field label not supported: spec.foo"},
      {"bad limit", "GET", kMaps + "?limit=x", "", json_type, 400, "BadRequest", ""},
      {"bad continue", "GET", kMaps + "?limit=1&continue=zzz", "", json_type, 400, "BadRequest",
       "invalid continue"},
      {"a version of the future", "GET", kMaps + "?resourceVersion=999&resourceVersionMatch=NotOlderThan", "",
       json_type, 504, "Timeout", "Timeout: Too large resource version: 999, current: 3"},
      {"log of a missing pod", "GET", "/api/v1/namespaces/shop/pods/p/log", "", json_type, 404, "NotFound",
       ""},
      {"log of no pod", "GET", kMaps + "/a/log", "", json_type, 404, "NotFound", ""},
  }));
  INFO(c.name);
  World world;
  const auto response = world.respond(c.method, c.target, c.body, c.type);
  INFO(response.body);
  CHECK(response.status == c.code);
  if (c.code < 400) return;
  const json status = json::parse(response.body);
  CHECK(status["kind"] == "Status");
  CHECK(status["code"] == c.code);
  CHECK(status.value("reason", "") == c.reason);
  CHECK(status["message"].get<std::string>().starts_with(c.message));
}

TEST_CASE("a failed patch has no causes, one that validation refuses has") {
  World world;
  const auto causes = [&](const std::string& patch) {
    return json::parse(world.respond("PATCH", kMaps + "/a", patch, kPatch).body)["details"].contains(
        "causes");
  };
  CHECK_FALSE(causes(R"([{"op":"test","path":"/data/x","value":"9"}])"));
  CHECK(causes(R"([{"op":"add","path":"/metadata/labels","value":{"a b":"c"}}])"));
}

TEST_CASE("lists have the kind once, metadata alone on request, and pages") {
  World world;
  REQUIRE(world.store.create(k8s::kConfigMaps, "shop", json{{"metadata", {{"name", "b"}}}}));
  const json list = json::parse(world.respond("GET", kMaps + "?limit=1").body);
  CHECK(list["kind"] == "ConfigMapList");
  CHECK(list["metadata"]["remainingItemCount"] == 1);
  CHECK_FALSE(list["items"][0].contains("kind"));
  const json next = json::parse(
      world.respond("GET", kMaps + "?limit=1&continue=" + list["metadata"]["continue"].get<std::string>())
          .body);
  CHECK(next["items"][0]["metadata"]["name"] == "b");
  const json partial = json::parse(
      world.respond("GET", kMaps, "", "", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
          .body);
  CHECK(partial["kind"] == "PartialObjectMetadataList");
  CHECK(partial["items"][0]["kind"] == "PartialObjectMetadata");
  CHECK_FALSE(partial["items"][0].contains("data"));
}

TEST_CASE("a watch is understood with its selection, version and time") {
  World world;
  const auto answered = world.ask(
      "GET",
      "/api/v1/"
      "pods?watch=true&resourceVersion=7&timeoutSeconds=9&allowWatchBookmarks=true&labelSelector=a%3Db");
  const auto& watch = std::get<WatchStart>(answered);
  CHECK(watch.resource == k8s::kPods);
  CHECK(watch.since == 7);
  CHECK(watch.timeout == std::chrono::seconds(9));
  CHECK(watch.bookmarks);
  CHECK(watch.selection.labels.matches({{"a", "b"}}));
  CHECK_FALSE(watch.selection.labels.matches({}));
  CHECK_FALSE(std::get<WatchStart>(world.ask("GET", "/api/v1/pods?watch=1&resourceVersion=0")).since);
}

TEST_CASE("logs and exec need a container that exists and has run") {
  World world;
  REQUIRE(world.store.create(k8s::kPods, "shop", json::parse(R"({"metadata": {"name": "p"},
      "spec": {"containers": [{"name": "c"}, {"name": "d"}]}})")));
  const std::string pod = "/api/v1/namespaces/shop/pods/p";
  const auto message = [&](const std::string& target) -> std::string {
    return json::parse(world.respond("GET", pod + target).body)["message"];
  };
  CHECK(message("/log") == "a container name must be specified for pod p, choose one of: [c d]");
  CHECK(message("/log?container=z") == "container z is not valid for pod p");
  const auto set_status = [&](const char* statuses) {
    REQUIRE(world.store.edit(k8s::kPods, {"shop", "p"},
                             [&](json& object) {
                               object["status"]["containerStatuses"] = json::parse(statuses);
                               return std::nullopt;
                             },
                             {.status = true}));
  };
  set_status(R"([{"name": "c", "state": {"waiting": {"reason": "ContainerCreating"}}}])");
  CHECK(message("/log?container=c") == "container \"c\" in pod \"p\" is waiting to start: ContainerCreating");
  CHECK(message("/exec?container=c&command=ps") == "container not found (\"c\")");
  set_status(
      R"([{"name": "c", "containerID": "containerd://1", "restartCount": 0, "state": {"running": {}}}])");
  CHECK(message("/log?container=c&previous=true") ==
        "previous terminated container \"c\" in pod \"p\" not found");
  CHECK(world.respond("GET", pod + "/log?container=c&limitBytes=6").body == "listen");
  CHECK(message("/exec?container=c") == "you must specify at least one command for the container");
  const auto exec = world.ask("GET", pod + "/exec?container=c&command=ps&command=-e%20f&stdout=true");
  CHECK(std::get<ExecStart>(exec).command == std::vector<std::string>{"ps", "-e f"});
}

TEST_CASE("discovery names what is served") {
  World world;
  CHECK(world.respond("GET", "/readyz").body == "ok");
  CHECK(json::parse(world.respond("GET", "/version").body)["minor"] == "34");
  CHECK(json::parse(world.respond("GET", "/api").body)["versions"] == json{"v1"});
  CHECK(world.respond("GET", "/apis").body.find("kintsugi.dev/v1alpha1") != std::string::npos);
  CHECK(world.respond("GET", "/apis/apps/v1").body.find("\"deploy\"") != std::string::npos);
  for (const char* path : {"/apis/foo/v1", "/apis/foo/v1/bars", "/nothing", "/"})
    CHECK(world.respond("GET", path).body == "404 page not found\n");
}
