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
                const std::string& type = "application/json") {
    net::ServerRequest request;
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    request.query = target.find('?') == std::string::npos ? "" : target.substr(target.find('?') + 1);
    request.body = body;
    request.headers.add("Content-Type", type);
    return answer(store, request);
  }
  template <class... Arguments>
  net::HttpResponse respond(const Arguments&... arguments) {
    return std::get<net::HttpResponse>(ask(arguments...));
  }

  ManualClock clock;
  ObjectStore store{clock, 1};
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
       "the body cannot be read"},
      {"create, an array", "POST", kMaps, "[]", json_type, 400, "BadRequest", ""},
      {"create, another type", "POST", kMaps, "a", "text/plain", 415, "UnsupportedMediaType",
       "the body of the"},
      {"create, bad dry run", "POST", kMaps + "?dryRun=Foo", "{}", json_type, 400, "BadRequest", "dryRun"},
      {"update stale", "PUT", kMaps + "/a", R"({"metadata":{"name":"a","resourceVersion":"1"}})", json_type,
       409, "Conflict", "Operation cannot be fulfilled on configmaps \"a\": the object has been modified"},
      {"update of another name", "PUT", kMaps + "/a", R"({"metadata":{"name":"b"}})", json_type, 400,
       "BadRequest", "kind, apiVersion, name or namespace"},
      {"update without a name", "PUT", kMaps + "/a", "{}", json_type, 400, "BadRequest", "kind, apiVersion"},
      {"update of a missing lease", "PUT", "/apis/coordination.k8s.io/v1/namespaces/shop/leases/l",
       R"({"metadata":{"name":"l"}})", json_type, 404, "NotFound", "leases.coordination.k8s.io \"l\""},
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
       "deployments.apps \"w\" is"},
      {"patch, stale", "PATCH", kMaps + "/a",
       R"([{"op":"replace","path":"/metadata/resourceVersion","value":"1"}])", kPatch, 409, "Conflict", ""},
      {"patch, no array", "PATCH", kMaps + "/a", "{}", kPatch, 400, "BadRequest",
       "the body is of the wrong type"},
      {"patch, no JSON", "PATCH", kMaps + "/a", "[{", kPatch, 400, "BadRequest", "the body cannot be read"},
      {"merge patch", "PATCH", kMaps + "/a", "{}", "application/merge-patch+json", 415,
       "UnsupportedMediaType", ""},
      {"apply", "PATCH", kMaps + "/a?fieldManager=x", "{}", "application/apply-patch+yaml", 415,
       "UnsupportedMediaType", ""},
      {"delete, wrong uid", "DELETE", kMaps + "/a", R"({"preconditions":{"uid":"nope"}})", json_type, 409,
       "Conflict", ""},
      {"delete", "DELETE", kMaps + "/a", "", json_type, 200, "", ""},
      {"delete, no JSON", "DELETE", kMaps + "/a", "{", json_type, 400, "BadRequest", ""},
      {"delete of a status", "DELETE", "/api/v1/namespaces/shop/pods/p/status", "", json_type, 405,
       "MethodNotAllowed", ""},
      {"bad label selector", "GET", kMaps + "?labelSelector=a+b+c", "", json_type, 400, "BadRequest",
       "unable to parse requirement"},
      {"bad field selector", "GET", kMaps + "?fieldSelector=spec.foo%3D1", "", json_type, 400, "BadRequest",
       "field label not supported: spec.foo"},
      {"a selector of another form", "GET", kMaps + "?labelSelector=a!%3Db", "", json_type, 400, "BadRequest",
       "unable to parse requirement"},
      {"bad version", "GET", kMaps + "?watch=true&resourceVersion=x", "", json_type, 400, "BadRequest", ""},
      {"unknown paths", "GET", "/apis/foo/v1/bars", "", json_type, 404, "NotFound", ""},
      {"no path", "GET", "/", "", json_type, 404, "NotFound", ""},
      {"too long a path", "GET", kMaps + "/a/status/x", "", json_type, 404, "NotFound", ""},
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

TEST_CASE("lists hold what is selected, at the version of the store") {
  World world;
  REQUIRE(world.store.create(k8s::kConfigMaps, "shop",
                             json{{"metadata", {{"name", "b"}, {"labels", {{"x.io/a", "1"}, {"c", ""}}}}}}));
  const auto names = [&](const std::string& query) {
    const json list = json::parse(world.respond("GET", "/api/v1/configmaps?" + query).body);
    CHECK(list["kind"] == "ConfigMapList");
    CHECK(list["metadata"]["resourceVersion"] == std::to_string(world.store.version()));
    std::string names;
    for (const json& item : list["items"]) names += item["metadata"]["name"].get<std::string>();
    return names;
  };
  CHECK(names("limit=1") == "ab");
  CHECK(names("labelSelector=x.io%2Fa%3D1,c%3D") == "b");
  CHECK(names("labelSelector=c%3D1").empty());
  CHECK(names("fieldSelector=metadata.name%3Da") == "a");
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
  CHECK(watch.selection.labels == Labels{{"a", "b"}});
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
  CHECK(message("/log?container=z") == "container z is not valid for pod p");
  const auto set_status = [&](const char* statuses) {
    REQUIRE(
        world.store.edit(k8s::kPods, {"shop", "p"},
                         [&](json& object) { object["status"]["containerStatuses"] = json::parse(statuses); },
                         {.status = true}));
  };
  set_status(R"([{"name": "c", "state": {"waiting": {"reason": "ContainerCreating"}}}])");
  CHECK(message("/log?container=c") == "container \"c\" in pod \"p\" is waiting to start");
  CHECK(message("/exec?container=c&command=ps") == "container not found (\"c\")");
  set_status(
      R"([{"name": "c", "containerID": "containerd://1", "restartCount": 0, "state": {"running": {}}}])");
  CHECK(message("/log?container=c&previous=true") ==
        "previous terminated container \"c\" in pod \"p\" not found");
  CHECK(world.respond("GET", pod + "/log?container=c").body == "listening on 8080\n");
  CHECK(message("/exec?container=c") == "you must specify at least one command for the container");
  const auto exec = world.ask("GET", pod + "/exec?container=c&command=ps&command=-e%20f&stdout=true");
  CHECK(std::get<ExecStart>(exec).command == std::vector<std::string>{"ps", "-e f"});
}

TEST_CASE("fields that controllers write into cannot be given another type") {
  const std::string status =
      GENERATE(as<std::string>(), R"("x")", R"({"conditions": "x"})", R"({"conditions": ["x"]})",
               R"({"containerStatuses": {}})", R"({"containerStatuses": [1]})");
  INFO(status);
  World world;
  REQUIRE(world.store.create(k8s::kPods, "shop", json{{"metadata", {{"name", "p"}}}}));
  const std::string pod = "/api/v1/namespaces/shop/pods/p/status";
  const auto put = [&](const std::string& value) {
    return world.respond("PUT", pod, R"({"metadata": {"name": "p"}, "status": )" + value + "}").status;
  };
  CHECK(put(status) == 422);
  const std::string patch = R"([{"op": "add", "path": "/status", "value": )" + status + "}]";
  CHECK(world.respond("PATCH", pod, patch, kPatch).status == 422);
  CHECK(put(R"({"conditions": null, "containerStatuses": []})") == 200);
  CHECK(world.respond("POST", kMaps, R"({"metadata": {"name": "b"}, "spec": []})").status == 422);
}
