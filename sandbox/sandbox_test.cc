// SPDX-License-Identifier: Apache-2.0
//
// The whole over real HTTP on loopback, in real time.
#include "sandbox/sandbox.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "k8s-client/core/exec_frames.h"
#include "k8s-client/core/request.h"
#include "net/curl_transport.h"
#include "net/websocket.h"
#include "sandbox/network_oracle.h"

using namespace kintsugi;
using namespace kintsugi::sandbox;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

struct World {
  explicit World(SandboxOptions options = {}) {
    auto started = start_sandbox(std::move(options), clock, log);
    REQUIRE(started);
    sandbox = std::move(*started);
    seed_demo(*sandbox);
  }
  net::HttpResponse send(const std::string& method, const std::string& path, const std::string& body = "",
                         const std::string& type = "application/json") {
    net::HttpRequest request;
    request.method = method;
    request.url = sandbox->api_url() + path;
    request.body = body;
    request.headers.add("Content-Type", type);
    auto response = transport->send(request, {});
    REQUIRE(response);
    return *response;
  }
  /// The lines of a watch, until `enough` of them came or it ended. After the first one `meanwhile` happens.
  std::vector<json> watch(
      const std::string& path, std::size_t enough, const std::function<void()>& meanwhile = [] {}) {
    net::HttpRequest request;
    request.url = sandbox->api_url() + path;
    std::string bytes;
    std::vector<json> events;
    (void)transport->stream(
        request, {},
        [&](const net::HttpResponse& head) {
          CHECK(head.status == 200);
          return true;
        },
        [&](std::string_view piece) {
          bytes += piece;
          for (std::size_t end = bytes.find('\n'); end != std::string::npos; end = bytes.find('\n')) {
            events.push_back(json::parse(bytes.substr(0, end)));
            bytes.erase(0, end + 1);
            if (events.size() == 1) meanwhile();
          }
          return events.size() < enough;
        });
    return events;
  }
  /// The pods of web once `count` are ready.
  std::vector<Object> wait_ready(std::size_t count) {
    for (MonotonicTime end = clock.monotonic() + 10s; clock.monotonic() < end;) {
      const std::uint64_t version = sandbox->store().version();
      auto pods = sandbox->store().all(k8s::kPods, "shop");
      std::erase_if(pods, [](const Object& pod) { return !is_ready(*pod); });
      if (pods.size() >= count) return pods;
      sandbox->store().wait_for_change(version, end);
    }
    FAIL("the pods did not become ready");
    return {};
  }

  SystemClock clock;
  Logger log{clock, LogLevel::kError, standard_error_writer()};
  std::unique_ptr<net::HttpTransport> transport = net::make_curl_transport({});
  std::unique_ptr<Sandbox> sandbox;
};

const std::string kPods = "/api/v1/namespaces/shop/pods";

}  // namespace

TEST_CASE("the demo's world comes up and a contained pod is cut off and replaced") {
  World world;
  const auto pods = world.wait_ready(4);
  const Object& victim = pods.back();
  const std::string path = kPods + "/" + name_of(*victim);
  const std::string deny =
      R"({"metadata":{"name":"quarantine"},"spec":{"podSelector":{"matchLabels":{"kintsugi.dev/quarantine":"true"}},
          "policyTypes":["Ingress","Egress"]}})";
  CHECK(world.send("POST", "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies", deny).status == 201);
  const std::string patch = R"([{"op":"test","path":"/metadata/uid","value":")" + uid_of(*victim) +
                            R"("},{"op":"test","path":"/metadata/labels/app","value":"web"},
      {"op":"replace","path":"/metadata/labels","value":{"kintsugi.dev/quarantine":"true"}}])";
  CHECK(world.send("PATCH", path, patch, "application/json-patch+json").status == 200);
  CHECK(world.send("PATCH", path, patch, "application/json-patch+json").status == 422);
  world.wait_ready(5);
  const auto reaches_out = [&](const Object& pod) {
    return can_reach(world.sandbox->store(), key_of(*pod).to_string(), "203.0.113.9", 443).allowed;
  };
  CHECK_FALSE(reaches_out(victim));
  CHECK(reaches_out(pods.front()));
}

TEST_CASE("a watch tells the present, then changes, then bookmarks, and ends in time") {
  World world;
  world.wait_ready(4);
  const std::string maps = "/api/v1/namespaces/shop/configmaps";
  world.send("POST", maps, R"({"metadata":{"name":"a"}})");
  const auto events = world.watch(maps + "?watch=true&allowWatchBookmarks=true&timeoutSeconds=2", 1000, [&] {
    world.send("PUT", maps + "/a", R"({"metadata":{"name":"a"},"data":{"x":"1"}})");
    world.send("DELETE", maps + "/a");
  });
  std::vector<std::string> types;
  for (const json& event : events) {
    const std::string type = event["type"];
    if (types.empty() || types.back() != type) types.push_back(type);
  }
  REQUIRE(types.size() >= 3);
  CHECK(types.back() == "BOOKMARK");
  std::erase(types, "BOOKMARK");
  CHECK(types == std::vector<std::string>{"ADDED", "MODIFIED", "DELETED"});
}

TEST_CASE("a watch from before the history gets 410 in the stream") {
  World world({.history = 1});
  world.wait_ready(4);
  const auto events = world.watch(kPods + "?watch=true&resourceVersion=2&timeoutSeconds=5", 1);
  REQUIRE(events.size() == 1);
  CHECK(events[0]["type"] == "ERROR");
  CHECK(events[0]["object"]["code"] == 410);
  CHECK(events[0]["object"]["reason"] == "Expired");
}

TEST_CASE("exec gives output over v5.channel.k8s.io, and an error where there is no such program") {
  World world;
  const k8s::ObjectKey pod = key_of(*world.wait_ready(4).back());
  const auto run = [&](const std::vector<std::string>& command) {
    const auto url = k8s::RequestBuilder(world.sandbox->api_url()).exec_url(pod, "web", command);
    REQUIRE(url);
    net::WebSocketRequest request;
    request.url = *url;
    request.subprotocol = std::string(k8s::kExecSubprotocol);
    k8s::ExecDemultiplexer output(1u << 20, pod.to_string());
    net::UpgradeRefusal refusal;
    REQUIRE(net::run_websocket(
        request, {}, {}, [&](std::string_view message) { return output.on_message(message); }, refusal));
    return output.finish();
  };
  const auto ps = run({"ps", "-ef"});
  REQUIRE(ps);
  CHECK(ps->exit_code == 0);
  CHECK(ps->standard_output.find("sh -i") != std::string::npos);
  CHECK_FALSE(run({"nope"}));
}

TEST_CASE("the registry is reached by the name in the image, and can hang") {
  World world;
  net::HttpRequest request;
  request.url = "http://" + world.sandbox->registry_host() + "/v2/shop/web/manifests/1.0";
  const auto found = world.transport->send(request, {});
  REQUIRE(found);
  CHECK(found->status == 200);
  request.method = "HEAD";
  CHECK(world.transport->send(request, {})->body.empty());
  world.sandbox->registry().set_failure("shop/web", OciRegistry::Failure::kHang);
  request.timeout = 50ms;
  const auto hung = world.transport->send(request, {});
  REQUIRE_FALSE(hung);
  CHECK(hung.error().code == ErrorCode::kTimeout);
}

TEST_CASE("stopping ends watches under way") {
  World world;
  world.wait_ready(4);
  std::thread stopper;
  world.watch(kPods + "?watch=true", 1000, [&] { stopper = std::thread([&] { world.sandbox->stop(); }); });
  stopper.join();
}
