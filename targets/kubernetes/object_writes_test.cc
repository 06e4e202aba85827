// SPDX-License-Identifier: Apache-2.0
#include "targets/kubernetes/object_writes.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <vector>

#include "k8s-client/client/test_world.h"
#include "k8s-client/core/resource.h"

using namespace kintsugi;
using namespace kintsugi::targets;
using nlohmann::json;

namespace {

/// An API server that answers writes with one thing and reads with another.
struct Fixture {
  Fixture(net::HttpResponse to_write, net::HttpResponse to_read) {
    world.transport.serve(
        [=](const net::HttpRequest& request) { return request.method == "GET" ? to_read : to_write; });
  }

  static Action action_on_web(Action::Kind kind) {
    Action action;
    action.kind = kind;
    action.resource = "pods";
    action.name_space = "shop";
    action.name = "web-1";
    return action;
  }
  Result<json> create(const json& wanted) {
    Action action = action_on_web(Action::Kind::kCreate);
    action.body = wanted.dump();
    return create_object(client, k8s::kPods, action, {});
  }
  Result<json> remove() {
    Action action = action_on_web(Action::Kind::kDelete);
    action.uid = "u1";
    return remove_object(client, k8s::kPods, action, {});
  }

  k8s::TestWorld world;
  k8s::Client client = world.client();
};

net::HttpResponse failure(int status, const char* reason) {
  return k8s::answer(status, k8s::failure(status, reason));
}

net::HttpResponse object(const json& metadata) {
  return k8s::answer(200, json({{"kind", "Pod"}, {"metadata", metadata}}).dump());
}

json marked(const json& labels, const json& annotations) {
  return {{"metadata", {{"name", "web-1"}, {"labels", labels}, {"annotations", annotations}}}};
}

}  // namespace

TEST_CASE("after a conflict an object is gone only where its name is free or another's") {
  const auto conflict = failure(409, "Conflict");
  CHECK(Fixture(failure(404, "NotFound"), object({{"uid", "u1"}})).remove().value().is_null());
  CHECK(Fixture(conflict, failure(404, "NotFound")).remove().value().is_null());
  CHECK(Fixture(conflict, object({{"uid", "u2"}})).remove().value().is_null());
  CHECK_FALSE(Fixture(object({{"uid", "u1"}}), failure(404, "NotFound")).remove().value().is_null());
}

TEST_CASE("a deletion that a conflict stopped is tried again") {
  const auto conflict = failure(409, "Conflict");
  for (const auto& read : {object({{"uid", "u1"}}), k8s::answer(200, "{}"), object({{"uid", 7}})}) {
    const auto removed = Fixture(conflict, read).remove();
    REQUIRE_FALSE(removed);
    CHECK(removed.error().code == ErrorCode::kConflict);
    CHECK(removed.error().retryable);
  }
  for (const auto& read : {k8s::answer(404, "no route"), k8s::answer(502, ""), failure(500, "InternalError")})
    CHECK_FALSE(Fixture(conflict, read).remove());
  CHECK(Fixture(conflict, failure(403, "Forbidden")).remove().error().is_refusal());
  CHECK(Fixture(failure(403, "Forbidden"), object({{"uid", "u2"}})).remove().error().is_refusal());
}

TEST_CASE("an object that is there already is ours where it bears every mark of ours") {
  const json wanted =
      marked({{"kintsugi.dev/incident", "inc-1"}, {"app", "web"}}, {{"kintsugi.dev/source-uid", "m1"}});
  const auto exists = failure(409, "AlreadyExists");
  const auto met = [&](const json& present) {
    return Fixture(exists, k8s::answer(200, present.dump())).create(wanted);
  };
  CHECK(met(wanted));
  CHECK(met(marked({{"kintsugi.dev/incident", "inc-1"}, {"app", "other"}},
                   {{"kintsugi.dev/source-uid", "m1"}, {"kintsugi.dev/more", "x"}})));
  for (const json& present :
       {marked({{"kintsugi.dev/incident", "inc-2"}}, {{"kintsugi.dev/source-uid", "m1"}}),
        marked({{"kintsugi.dev/incident", "inc-1"}}, {{"kintsugi.dev/source-uid", "m2"}}),
        marked({{"kintsugi.dev/incident", "inc-1"}}, json::object()),
        marked({{"kintsugi.dev/incident", 1}}, {{"kintsugi.dev/source-uid", "m1"}}),
        marked(json::object(), {{"kintsugi.dev/source-uid", "m1"}, {"kintsugi.dev/incident", "inc-1"}}),
        marked("inc-1", json::array()), json({{"metadata", {{"name", "web-1"}}}})}) {
    INFO(present);
    const auto created = met(present);
    REQUIRE_FALSE(created);
    CHECK(created.error().code == ErrorCode::kRefused);
    CHECK(created.error().reason == "NameTaken");
    CHECK(created.error().to_string().find("pods shop/web-1") == 0);
  }
}

TEST_CASE("an object without a mark of ours is never taken as ours") {
  const json wanted = marked({{"app", "web"}}, json::object());
  CHECK_FALSE(Fixture(failure(409, "AlreadyExists"), k8s::answer(200, wanted.dump())).create(wanted));
}

TEST_CASE("a name that is free again is tried again, and what cannot be read is no object of ours") {
  const json wanted = marked({{"kintsugi.dev/incident", "inc-1"}}, json::object());
  const auto exists = failure(409, "AlreadyExists");
  CHECK(Fixture(exists, failure(404, "NotFound")).create(wanted).error().retryable);
  CHECK_FALSE(Fixture(exists, failure(403, "Forbidden")).create(wanted));
  CHECK_FALSE(Fixture(exists, k8s::answer(502, "")).create(wanted));
}
