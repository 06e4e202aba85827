// SPDX-License-Identifier: Apache-2.0
#include "controller/network_probe.h"

#include <catch2/catch.hpp>

#include "k8s-client/client/test_world.h"

namespace kintsugi::controller {
namespace {

using namespace std::chrono_literals;
using Kinds = std::vector<std::string>;

struct Fixture {
  Fixture() {
    world.transport.serve([this](const net::HttpRequest& request) -> Result<net::HttpResponse> {
      urls.push_back(request.url);
      const bool is_cilium = request.url.find("/ciliumnetworkpolicies") != std::string::npos;
      return is_cilium ? cilium : k8s::answer(404, k8s::failure(404, "NotFound"));
    });
  }
  Kinds look() { return probe.look({}).foreign_policy_kinds; }
  std::chrono::nanoseconds rest() const { return probe.next_look() - world.clock.monotonic(); }

  std::vector<std::string> urls;
  net::HttpResponse cilium = k8s::answer(200, R"({"items":[]})");
  k8s::TestWorld world;
  k8s::Client client = world.client();
  Logger log{world.clock, LogLevel::kError, [](std::string_view) {}};
  NetworkProbe probe{client, world.clock, log};
};

const net::HttpResponse kDown = k8s::answer(500, k8s::failure(500, "InternalError"));
const net::HttpResponse kNone = k8s::answer(200, R"({"items":[]})");
const net::HttpResponse kOne = k8s::answer(200, R"({"items":[{"metadata":{"name":"a","namespace":"b"}}]})");

}  // namespace

TEST_CASE("policies of other kinds are found where there are some") {
  Fixture fixture;
  CHECK(fixture.look() == Kinds{});
  CHECK(fixture.rest() == 5min);
  fixture.cilium = kOne;
  CHECK(fixture.look() == Kinds{"CiliumNetworkPolicy"});
}

TEST_CASE("one policy of a kind is enough to know") {
  Fixture fixture;
  fixture.cilium =
      k8s::answer(200, R"({"metadata":{"continue":"more"},"items":[{"metadata":{"name":"a"}}]})");
  CHECK(fixture.look() == Kinds{"CiliumNetworkPolicy"});
  CHECK(fixture.urls.size() == 6);
  for (const std::string& url : fixture.urls) {
    INFO(url);
    CHECK((url + "&").find("limit=1&") != std::string::npos);
    CHECK(url.find("continue=") == std::string::npos);
  }
}

TEST_CASE("an answer that is no list says nothing") {
  Fixture fixture;
  fixture.cilium = k8s::answer(200, R"({"items":{}})");
  CHECK(fixture.look() == Kinds{"CiliumNetworkPolicy"});  // never seen: it may be there
  CHECK(fixture.rest() == 5s);
}

TEST_CASE("what may not be listed counts as there, for as long as that is so") {
  Fixture fixture;
  fixture.cilium = k8s::answer(403, k8s::failure(403, "Forbidden"));
  CHECK(fixture.look() == Kinds{"CiliumNetworkPolicy"});
  CHECK(fixture.rest() == 5min);
  fixture.cilium = kNone;
  CHECK(fixture.look() == Kinds{});
}

TEST_CASE("a list that failed once leaves the last answer, and is tried again soon") {
  Fixture fixture;
  fixture.cilium = kDown;
  CHECK(fixture.look() == Kinds{"CiliumNetworkPolicy"});  // never seen: it may be there
  CHECK(fixture.rest() == 5s);
  fixture.cilium = kNone;
  CHECK(fixture.look() == Kinds{});
  CHECK(fixture.rest() == 5min);
  fixture.cilium = kDown;
  CHECK(fixture.look() == Kinds{});
  CHECK(fixture.rest() == 5s);
  fixture.cilium = kOne;
  CHECK(fixture.look() == Kinds{"CiliumNetworkPolicy"});
  fixture.cilium = kDown;
  CHECK(fixture.look() == Kinds{"CiliumNetworkPolicy"});
}

}  // namespace kintsugi::controller
