// SPDX-License-Identifier: Apache-2.0
#include "targets/kubernetes/pod_target.h"

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "k8s-client/client/test_world.h"

using namespace kintsugi;
using namespace kintsugi::targets;

namespace {

const TargetRef kVictim{"Pod", "shop", "web-1", "u1"};

/// A target whose API server answers everything with `answer`.
struct Fixture {
  explicit Fixture(net::HttpResponse answer) {
    world.transport.serve([answer = std::move(answer)](const net::HttpRequest&) { return answer; });
  }

  k8s::TestWorld world;
  k8s::Client client = world.client();
  Logger log{world.clock, LogLevel::kError, [](std::string_view) {}};
  ClusterCache cache{client, world.clock, log};
  PodTarget target{client, cache};
};

Action deletion() {
  Action action;
  action.kind = Action::Kind::kDelete;
  action.resource = "pods";
  action.name_space = kVictim.name_space;
  action.name = kVictim.name;
  action.uid = kVictim.uid;
  return action;
}

}  // namespace

TEST_CASE("a pod is gone when the API server says so, or its name belongs to another") {
  for (const net::HttpResponse& answer :
       {k8s::answer(404, k8s::failure(404, "NotFound")),
        k8s::answer(200, R"({"kind":"Pod","metadata":{"name":"web-1","namespace":"shop","uid":"u2"}})")}) {
    const auto pod = Fixture(answer).target.read(kVictim, {});
    REQUIRE(pod);
    CHECK_FALSE(*pod);
  }
  CHECK(Fixture(k8s::answer(404, k8s::failure(404, "NotFound"))).target.apply(deletion(), {}));
}

TEST_CASE("what a proxy answers does not make a pod gone") {
  for (const net::HttpResponse& answer :
       {k8s::answer(404, "no route"), k8s::answer(200, "{}"), k8s::answer(200, R"({"metadata":7})"),
        k8s::answer(200, R"({"metadata":{"uid":7}})"), k8s::answer(502, "")}) {
    Fixture fixture(answer);
    for (const Error& error :
         {fixture.target.read(kVictim, {}).error(), fixture.target.read_document(kVictim, {}).error()}) {
      CHECK(error.code == ErrorCode::kUnavailable);
      CHECK(error.retryable);
    }
  }
  CHECK_FALSE(Fixture(k8s::answer(404, "no route")).target.apply(deletion(), {}));
}

TEST_CASE("a pod is the one that was made in the victim's place only where it says for which incident") {
  const auto found = [](const char* metadata) {
    const std::string pod =
        std::string(R"({"kind":"Pod","metadata":{"name":"web-1","namespace":"shop",)") + metadata + "}}";
    return Fixture(k8s::answer(200, pod)).target.find_recreated("shop", "web-1", "inc-1").value().has_value();
  };
  CHECK(found(R"("uid":"u2","annotations":{"kintsugi.dev/recreated-for":"inc-1"})"));
  for (const char* other : {R"("uid":"u2")", R"("uid":"u2","annotations":{})",
                            R"("uid":"u2","annotations":{"kintsugi.dev/recreated-for":"inc-2"})",
                            R"("uid":"u2","annotations":{"kintsugi.dev/recreated-for":["inc-1"]})",
                            R"("uid":"u2","labels":{"kintsugi.dev/recreated-for":"inc-1"})"}) {
    INFO(other);
    CHECK_FALSE(found(other));
  }
  Fixture gone(k8s::answer(404, k8s::failure(404, "NotFound")));
  CHECK_FALSE(gone.target.find_recreated("shop", "web-1", "inc-1").value());
  CHECK_FALSE(Fixture(k8s::answer(404, "no route")).target.find_recreated("shop", "web-1", "inc-1"));
}
