// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/client_adapters.h"

#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "k8s-client/client/test_world.h"
#include "k8s-client/runtime/informer.h"
#include "k8s-client/runtime/testing/json_text.h"

using namespace kintsugi;
using namespace kintsugi::k8s;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// The part of an API server that elections and events need: objects by path, with optimistic concurrency.
class ObjectServer {
 public:
  std::map<std::string, json> objects;
  std::vector<std::string> methods;

  Result<net::HttpResponse> operator()(const net::HttpRequest& request) {
    methods.push_back(request.method);
    const std::string path = request.url.substr(std::string("https://h:6443").size());
    const json body = json::parse(request.body, nullptr, false);
    if (request.method == "POST") {
      const std::string name = body["metadata"]["name"];
      return store(path + "/" + name, body, 201);
    }
    if (!objects.count(path)) return answer(404, failure(404, "NotFound"));
    if (request.method == "GET") return answer(200, objects[path].dump());
    if (request.method == "PATCH") {
      objects[path] = objects[path].patch(body);
      return answer(200, objects[path].dump());
    }
    if (body["metadata"]["resourceVersion"] != objects[path]["metadata"]["resourceVersion"]) {
      return answer(409, failure(409, "Conflict"));
    }
    return store(path, body, 200);
  }

 private:
  Result<net::HttpResponse> store(const std::string& path, json object, int status) {
    if (status == 201 && objects.count(path)) return answer(409, failure(409, "AlreadyExists"));
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    objects[path] = object;
    return answer(status, object.dump());
  }

  int version_ = 100;
};

const std::string kLeasePath = "/apis/coordination.k8s.io/v1/namespaces/kintsugi/leases/controller";

LeaseRecord record_of(const std::string& holder, const std::string& version = "") {
  return {holder, 15s, WallTime(1'800'000'000s), WallTime(1'800'000'001s), 3, version};
}

}  // namespace

TEST_CASE("an informer follows a collection through the client") {
  TestWorld world;
  std::vector<std::string> urls;
  std::stop_source stop;
  world.transport.serve([&](const net::HttpRequest& request) {
    urls.push_back(request.url);
    if (urls.size() == 1)
      return answer(200, k8s::testing::page("10", {k8s::testing::pod("a", "1")}, "token"));
    if (urls.size() == 2) return answer(200, k8s::testing::page("10", {k8s::testing::pod("b", "2")}));
    if (urls.size() == 3) {
      return answer(200, k8s::testing::event("ADDED", k8s::testing::pod("c", "11")) +
                             k8s::testing::event("DELETED", k8s::testing::pod("a", "12")));
    }
    stop.request_stop();
    return answer(410, failure(410, "Expired"));
  });
  Client client = world.client();
  ClientListWatchSource source(client, kPods, "shop");
  Logger log(world.clock, LogLevel::kError, [](std::string_view) {});
  Informer<Object> pods(source, [](RawJson) -> Result<Object> { return Object(); }, {}, world.clock, log);
  pods.run(stop.get_token());
  CHECK(pods.size() == 2);
  CHECK(pods.get({"shop", "c"}));
  CHECK(pods.resource_version_seen() == "12");
  REQUIRE(urls.size() == 4);
  CHECK(urls[0].find("/api/v1/namespaces/shop/pods?") != std::string::npos);
  CHECK(urls[1].find("continue=token") != std::string::npos);
  CHECK(urls[2].find("resourceVersion=10") != std::string::npos);
  CHECK(urls[3].find("resourceVersion=12") != std::string::npos);
}

TEST_CASE("a lease is created, read, and updated under its version") {
  TestWorld world;
  ObjectServer server;
  world.transport.serve(std::ref(server));
  Client client = world.client();
  ClientLeaseStore store(client, {"kintsugi", "controller"});
  const auto absent = store.get(1s, {});
  REQUIRE(absent);
  CHECK_FALSE(*absent);

  const auto created = store.put(record_of("me"), 1s, {});
  REQUIRE(created);
  CHECK(*created == record_of("me", "101"));
  CHECK(server.objects[kLeasePath] == json::parse(R"({"apiVersion":"coordination.k8s.io/v1","kind":"Lease",
    "metadata":{"name":"controller","namespace":"kintsugi","resourceVersion":"101"},
    "spec":{"holderIdentity":"me","leaseDurationSeconds":15,"leaseTransitions":3,
            "acquireTime":"2027-01-15T08:00:00.000000Z","renewTime":"2027-01-15T08:00:01.000000Z"}})"));

  CHECK(store.put(record_of("me", "77"), 1s, {}).error().code == ErrorCode::kConflict);
  CHECK(store.put(record_of("me"), 1s, {}).error().code == ErrorCode::kAlreadyExists);
  REQUIRE(store.put(record_of("you", "101"), 1s, {}));
  CHECK(**store.get(1s, {}) == record_of("you", "102"));
}

TEST_CASE("what others keep in a lease survives") {
  TestWorld world;
  ObjectServer server;
  server.objects[kLeasePath] = json::parse(R"({"metadata":{"name":"controller","namespace":"kintsugi",
    "resourceVersion":"7","labels":{"a":"b"}},"spec":{"holderIdentity":null,"strategy":"OldestEmulationVersion"}})");
  world.transport.serve(std::ref(server));
  Client client = world.client();
  ClientLeaseStore store(client, {"kintsugi", "controller"});
  const auto found = store.get(1s, {});
  REQUIRE(found);
  CHECK((*found)->holder.empty());
  CHECK((*found)->duration == 15s);
  REQUIRE(store.put(record_of("me", "7"), 1s, {}));
  CHECK(server.objects[kLeasePath]["metadata"]["labels"]["a"] == "b");
  CHECK(server.objects[kLeasePath]["spec"]["strategy"] == "OldestEmulationVersion");
}

TEST_CASE("an elector leads and releases through the client") {
  TestWorld world;
  ObjectServer server;
  std::stop_source stop;
  world.transport.serve([&](const net::HttpRequest& request) {
    auto response = server(request);
    if (std::count(server.methods.begin(), server.methods.end(), "PUT") == 3) stop.request_stop();
    return response;
  });
  Client client = world.client();
  ClientLeaseStore store(client, {"kintsugi", "controller"});
  Logger log(world.clock, LogLevel::kError, [](std::string_view) {});
  std::vector<std::int64_t> tokens;
  LeaseElectorOptions options;
  options.identity = "kintsugi-0_x";
  options.on_started = [&](std::int64_t token) { tokens.push_back(token); };
  LeaseElector elector(options, store, world.clock, log);
  CHECK(elector.run(stop.get_token()));
  CHECK(tokens == std::vector<std::int64_t>{1});
  CHECK(server.objects[kLeasePath]["spec"]["holderIdentity"] == "");
}

TEST_CASE("events are created and made a series through the client") {
  TestWorld world;
  ObjectServer server;
  world.transport.serve(std::ref(server));
  Client client = world.client();
  ClientEventSink sink(client);
  EventAggregator aggregator("kintsugi.dev/controller", "kintsugi-0");
  const EventNote note{
      EventType::kNormal, "Release", "Released", "free again", {"v1", "Pod", {"shop", "web-1"}, "u1"}};
  const auto first = aggregator.record(note, world.clock.now(), world.clock.monotonic());
  REQUIRE(sink.create(first->key.name_space, first->whole_event, {}));
  const auto second = aggregator.record(note, world.clock.now(), world.clock.monotonic());
  REQUIRE(sink.patch(second->key, second->patch, {}));
  const json& event = server.objects["/apis/events.k8s.io/v1/namespaces/shop/events/" + first->key.name];
  CHECK(event["note"] == "free again");
  CHECK(event["series"]["count"] == 2);
  CHECK(sink.patch({"shop", "gone"}, second->patch, {}).error().code == ErrorCode::kNotFound);
}
