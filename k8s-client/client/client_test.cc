// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/client/client.h"

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "k8s-client/client/test_world.h"
#include "k8s-client/client/warnings.h"

using namespace kintsugi;
using namespace kintsugi::k8s;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {
const ObjectKey kWeb{"shop", "web-1"};
const std::string kPod = R"({"kind":"Pod","metadata":{"name":"web-1","uid":"u1"}})";
}  // namespace

TEST_CASE("requests carry token, user agent and impersonation") {
  TestWorld world;
  world.credentials.headers.add("Impersonate-User", "jane");
  world.credentials.headers.add("Impersonate-Group", "dev");
  world.credentials.headers.add("Impersonate-Group", "ops");
  net::HttpRequest seen;
  world.transport.serve([&](const net::HttpRequest& request) {
    seen = request;
    return answer(200, kPod);
  });
  Client client = world.client();
  const auto pod = client.get(kPods, kWeb, {.priority = net::Priority::kContainment, .timeout = 500ms});
  REQUIRE(pod);
  CHECK((*pod)["metadata"]["uid"] == "u1");
  CHECK(seen.bearer_token.equals("old"));
  CHECK(*seen.headers.find("User-Agent") == "test/1");
  CHECK(seen.priority == net::Priority::kContainment);
  CHECK(seen.timeout == 500ms);
  CHECK(std::count_if(seen.headers.all().begin(), seen.headers.all().end(),
                      [](const auto& header) { return header.first == "Impersonate-Group"; }) == 2);
}

TEST_CASE("429 and 5xx are retried with Retry-After, and only with it (K13 case 6)") {
  struct Row {
    const char* method;
    int status;
    const char* retry_after;  ///< nullptr: none
    int expected_requests;
  };
  const Row rows[] = {
      {"GET", 429, "1", 2},    {"GET", 429, nullptr, 1},   {"GET", 500, "1", 2},  {"GET", 503, nullptr, 1},
      {"PATCH", 500, "1", 1},  {"PATCH", 504, nullptr, 1}, {"POST", 429, "1", 2}, {"POST", 503, "1", 2},
      {"POST", 500, "1", 1},   {"POST", 504, "1", 1},      {"GET", 429, "60", 1}, {"GET", 404, "1", 1},
      {"DELETE", 409, "1", 1}, {"GET", 302, "1", 1},       {"GET", 504, "1", 2},  {"DELETE", 500, "1", 1},
      {"PATCH", 503, "1", 2},  {"PATCH", 429, "1", 2},
  };
  for (const Row& row : rows) {
    INFO(row.method << " " << row.status << " " << (row.retry_after ? row.retry_after : "-"));
    TestWorld world;
    world.transport.serve([&](const net::HttpRequest&) {
      if (world.transport.requests() > 1) return answer(200, kPod);
      return row.retry_after ? answer_later(row.status, row.retry_after) : answer(row.status, "");
    });
    Client client = world.client();
    const std::string method = row.method;
    const auto result = method == "GET"      ? client.get(kPods, kWeb)
                        : method == "POST"   ? client.create(kPods, "shop", json::object())
                        : method == "DELETE" ? client.remove(kPods, kWeb)
                                             : client.patch(kPods, kWeb, JsonPatch());
    CHECK(world.transport.requests() == row.expected_requests);
    CHECK(result.has_value() == (row.expected_requests == 2));
    if (!result) CHECK(result.error().http_status == row.status);
  }
}

TEST_CASE("a subresource is asked, and told what to do") {
  constexpr Resource kMachines{"subresources.kubevirt.io", "v1", "virtualmachineinstances",
                               "VirtualMachineInstance"};
  const std::string path = "/apis/subresources.kubevirt.io/v1/namespaces/shop/virtualmachineinstances/web-1/";
  TestWorld world;
  net::HttpRequest seen;
  world.transport.serve([&](const net::HttpRequest& request) {
    seen = request;
    return answer(request.method == "GET" ? 200 : 202,
                  request.method == "GET" ? R"({"hostname":"web"})" : "");
  });
  Client client = world.client();
  const auto guest = client.get_subresource(kMachines, kWeb, "guestosinfo");
  REQUIRE(guest);
  CHECK((*guest)["hostname"] == "web");
  CHECK(seen.url.ends_with(path + "guestosinfo"));
  REQUIRE(client.invoke(kMachines, kWeb, "pause", json::object()));
  CHECK(seen.method == "PUT");
  CHECK(seen.url.ends_with(path + "pause"));
  CHECK(seen.body == "{}");
}

TEST_CASE("what a subresource refuses is an error, and there is no dry run of it") {
  TestWorld world;
  world.transport.serve([](const net::HttpRequest&) { return answer(409, ""); });
  Client client = world.client();
  const auto conflict = client.invoke(kPods, kWeb, "pause", json::object());
  REQUIRE_FALSE(conflict);
  CHECK(conflict.error().code == ErrorCode::kConflict);
  const int sent = world.transport.requests();
  const auto dry = client.invoke(kPods, kWeb, "pause", json::object(), {.dry_run = true});
  REQUIRE_FALSE(dry);
  CHECK(dry.error().code == ErrorCode::kUnsupported);
  CHECK(world.transport.requests() == sent);
  world.transport.serve([](const net::HttpRequest&) { return answer(500, ""); });
  const auto unknown = client.invoke(kPods, kWeb, "pause", json::object());
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().outcome_unknown);
}

TEST_CASE("a write's 5xx is unknown unless the server was too busy to take it") {
  const auto is_unknown = [](int status, const char* retry_after, const auto& call) {
    TestWorld world;
    world.transport.serve([&](const net::HttpRequest&) {
      return retry_after ? answer_later(status, retry_after) : answer(status, "");
    });
    Client client = world.client();
    return call(client).error().outcome_unknown;
  };
  const auto patch = [](Client& client) { return client.patch(kPods, kWeb, JsonPatch()); };
  const auto get = [](Client& client) { return client.get(kPods, kWeb); };
  const auto dry_run = [](Client& client) {
    return client.create(kPods, "shop", json::object(), {.dry_run = true});
  };
  for (const int status : {500, 502, 503, 504}) {
    CHECK(is_unknown(status, nullptr, patch));
    CHECK(is_unknown(status, "60", patch) == (status != 503));
    CHECK_FALSE(is_unknown(status, nullptr, get));
    CHECK_FALSE(is_unknown(status, nullptr, dry_run));
  }
  CHECK_FALSE(is_unknown(429, nullptr, patch));
  CHECK_FALSE(is_unknown(409, nullptr, patch));
}

TEST_CASE("whoever wants to know is told of each retry and under which FlowSchema") {
  TestWorld world;
  world.transport.serve([&](const net::HttpRequest&) {
    if (world.transport.requests() > 2) return answer(200, kPod);
    net::HttpResponse busy = answer_later(429, "1");
    busy.headers.add("X-Kubernetes-PF-FlowSchema-UID", "abc");
    return busy;
  });
  Client client = world.client();
  std::vector<std::string> told;
  client.set_retry_observer([&](const ApiError& error) { told.push_back(error.advice); });
  CHECK(client.get(kPods, kWeb));
  const std::string under = "throttled under the FlowSchema with UID abc";
  CHECK(told == std::vector<std::string>{under, under});
}

TEST_CASE("retries end with the tenth try and with the call's timeout") {
  TestWorld world;
  world.transport.serve([](const net::HttpRequest&) { return answer_later(503, "1"); });
  Client client = world.client();
  CHECK(client.get(kPods, kWeb, {.timeout = 60s}).error().http_status == 503);
  CHECK(world.transport.requests() == 10);
  CHECK(client.get(kPods, kWeb, {.timeout = 2500ms}).error().http_status == 503);
  CHECK(world.transport.requests() == 13);
}

TEST_CASE("a throttled client slows down, and containment does not wait for it") {
  TestWorld world;
  world.transport.serve([](const net::HttpRequest&) { return answer_later(429, "5"); });
  Client client = world.client();
  CHECK_FALSE(client.get(kPods, kWeb, {.timeout = 1s}));
  CHECK(world.limiter.rate() < 50);
  world.transport.serve([](const net::HttpRequest&) { return answer(200, kPod); });
  const MonotonicTime before = world.clock.monotonic();
  CHECK(client.get(kPods, kWeb, {.priority = net::Priority::kContainment}));
  CHECK(world.clock.monotonic() == before);
  CHECK(client.get(kPods, kWeb, {.timeout = 10s}));
  CHECK(world.clock.monotonic() - before >= 4s);
}

TEST_CASE("a 401 is tried once more with the rotated token (K13 case 7)") {
  TestWorld world;
  world.transport.serve([](const net::HttpRequest& request) {
    return request.bearer_token.equals("new") ? answer(200, kPod) : answer(401, failure(401, "Unauthorized"));
  });
  Client client = world.client();
  SECTION("rotated") {
    world.credentials.next_token = "new";
    CHECK(client.create(kPods, "shop", json::object()));
    CHECK(world.transport.requests() == 2);
  }
  SECTION("not rotated: the same token is not sent again") {
    CHECK(client.get(kPods, kWeb).error().code == ErrorCode::kUnauthorized);
    CHECK(world.transport.requests() == 1);
  }
  SECTION("rotated to another bad one") {
    world.credentials.next_token = "bad";
    CHECK(client.get(kPods, kWeb).error().http_status == 401);
    CHECK(world.transport.requests() == 2);
  }
  SECTION("a watch as well, without a byte of the refusal in its stream") {
    world.credentials.next_token = "new";
    std::string bytes;
    CHECK(client.watch(kPods, "", {}, {}, [&](std::string_view piece) {
      bytes += piece;
      return true;
    }));
    CHECK(bytes == kPod);
  }
}

TEST_CASE("deletion of a pod that came back under its name is a conflict (K13 case 9)") {
  TestWorld world;
  bool pod_exists = true;
  world.transport.serve([&](const net::HttpRequest& request) {
    const json body = json::parse(request.body);
    if (body["preconditions"]["uid"] != "u2") return answer(409, failure(409, "Conflict"));
    pod_exists = false;
    return answer(200, R"({"kind":"Status","status":"Success"})");
  });
  Client client = world.client();
  const auto refused = client.remove(kPods, kWeb, {.uid = "u1"});
  CHECK(refused.error().code == ErrorCode::kConflict);
  CHECK(refused.error().object == "pod shop/web-1");
  CHECK(pod_exists);
  CHECK(client.remove(kPods, kWeb, {.uid = "u2"}));
  CHECK_FALSE(pod_exists);
}

TEST_CASE("a disruption budget's refusal reaches the caller at once (K13 case 14)") {
  TestWorld world;
  world.transport.serve([](const net::HttpRequest&) {
    return answer_later(
        429, "1",
        failure(429, "TooManyRequests", R"({"causes":[{"reason":"DisruptionBudget","message":"m"}]})"));
  });
  Client client = world.client();
  const auto refused = client.create(kPods, "shop", json::object());
  CHECK(refused.error().is_disruption_budget());
  CHECK(world.transport.requests() == 1);
  CHECK(world.limiter.rate() == 50);
}

TEST_CASE("trouble on the way is passed on and never retried") {
  TestWorld world;
  world.transport.serve([](const net::HttpRequest&) -> Result<net::HttpResponse> {
    Error reset = make_error(ErrorCode::kUnavailable, "connection reset");
    reset.outcome_unknown = true;
    return fail(reset);
  });
  Client client = world.client();
  const auto created = client.create(kPods, "shop", {{"metadata", {{"name", "web-1"}}}});
  CHECK(created.error().outcome_unknown);
  CHECK_FALSE(created.error().from_server());
  CHECK(created.error().object == "pod shop/web-1");
  CHECK_FALSE(client.get(kPods, kWeb));
  CHECK_FALSE(client.list(kPods, ""));
  CHECK_FALSE(client.watch(kPods, "", {}, {}, [](std::string_view) { return true; }));
  CHECK_FALSE(client.logs(kWeb, {}));
  CHECK(world.transport.requests() == 5);
}

TEST_CASE("success that cannot be read is an error, and unknown for a write") {
  const std::string bodies[] = {
      "",          "<html>login</html>",       kPod.substr(0, 20), "[]", "null", "7", std::string(5000, '['),
      kPod + kPod, std::string(10u << 20, ' ')};
  for (const std::string& body : bodies) {
    TestWorld world;
    world.transport.serve([&](const net::HttpRequest&) { return answer(200, body); });
    Client client = world.client();
    const auto read = client.get(kPods, kWeb);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::kUnavailable);
    CHECK_FALSE(read.error().outcome_unknown);
    CHECK(client.create(kPods, "shop", json::object()).error().outcome_unknown);
    CHECK_FALSE(client.create(kPods, "shop", json::object(), {.dry_run = true}).error().outcome_unknown);
    CHECK_FALSE(client.list(kPods, ""));
  }
}

TEST_CASE("errors are decoded by status before the body is believed") {
  TestWorld world;
  Client client = world.client();
  world.transport.serve([](const net::HttpRequest&) { return answer(403, kPod); });
  CHECK(client.get(kPods, kWeb).error().code == ErrorCode::kForbidden);
  world.transport.serve([](const net::HttpRequest&) { return answer(409, failure(409, "AlreadyExists")); });
  CHECK(client.create(kPods, "shop", json::object()).error().code == ErrorCode::kAlreadyExists);
  world.transport.serve([](const net::HttpRequest&) { return answer(422, failure(422, "Invalid")); });
  CHECK(client.patch(kPods, kWeb, JsonPatch()).error().is_failed_patch_test());
  CHECK(client.create(kPods, "shop", json::object()).error().code == ErrorCode::kInvalidInput);
  CHECK(client.update(kPods, kWeb, json::object()).error().code == ErrorCode::kInvalidInput);
  world.transport.serve([](const net::HttpRequest&) { return answer(504, "<html>gateway</html>"); });
  CHECK(client.patch(kPods, kWeb, JsonPatch()).error().outcome_unknown);
  CHECK_FALSE(client.get(kPods, kWeb).error().outcome_unknown);
}

TEST_CASE("a name that cannot be sent is an error before anything is sent") {
  TestWorld world;
  Client client = world.client();
  CHECK(client.remove(kPods, {"shop", ""}).error().code == ErrorCode::kInvalidInput);
  CHECK_FALSE(client.get(kPods, {"", "x"}));
  CHECK_FALSE(client.exec({"shop", ""}, {.command = {"id"}}));
  CHECK_FALSE(client.logs({"shop", "a/b"}, {}));
  CHECK(world.transport.requests() == 0);
}

TEST_CASE("a list follows its pages, and its items say what they are") {
  TestWorld world;
  world.transport.serve([](const net::HttpRequest& request) {
    const bool second = request.url.find("continue=t%2F1") != std::string::npos;
    if (second && request.url.find("resourceVersion") != std::string::npos) return answer(400, "");
    return answer(200, second ? R"({"metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"b"}}]})"
                              : R"({"metadata":{"continue":"t/1"},"items":[{"metadata":{"name":"a"}}]})");
  });
  Client client = world.client();
  ListParams params;
  params.resource_version = "9";
  const auto pods = client.list(kDeployments, "shop", params);
  REQUIRE(pods);
  REQUIRE(pods->size() == 2);
  CHECK((*pods)[1] == json{{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"metadata", {{"name", "b"}}}});
}

TEST_CASE("a page that has expired starts the list again without pages") {
  TestWorld world;
  world.transport.serve([](const net::HttpRequest& request) {
    if (request.url.find("continue=") != std::string::npos) return answer(410, failure(410, "Expired"));
    if (request.url.find("limit=") == std::string::npos) return answer(200, R"({"items":[{},{},{}]})");
    return answer(200, R"({"metadata":{"continue":"t"},"items":[{}]})");
  });
  Client client = world.client();
  CHECK(client.list(kPods, "")->size() == 3);
  world.transport.serve([](const net::HttpRequest&) { return answer(410, failure(410, "Expired")); });
  CHECK(client.list(kPods, "").error().is_expired());
}

TEST_CASE("lists of the wrong form are refused, an empty one is not") {
  TestWorld world;
  Client client = world.client();
  for (const char* body : {R"({"items":{}})", R"({"items":[1]})", R"({"items":"x"})"}) {
    world.transport.serve([&](const net::HttpRequest&) { return answer(200, body); });
    CHECK_FALSE(client.list(kPods, ""));
  }
  for (const char* body :
       {"{}", R"({"items":null})", R"({"items":[],"metadata":7})", R"({"metadata":{"continue":7}})"}) {
    world.transport.serve([&](const net::HttpRequest&) { return answer(200, body); });
    CHECK(client.list(kPods, "")->empty());
  }
  world.transport.serve(
      [](const net::HttpRequest&) { return answer(200, R"({"metadata":{"continue":"again"}})"); });
  CHECK(client.list(kPods, "", {}, {.priority = net::Priority::kContainment}).error().code ==
        ErrorCode::kTooLarge);
}

TEST_CASE("a watch that is refused is an error with its Status, and its sink can end it") {
  TestWorld world;
  Client client = world.client();
  std::string bytes;
  const auto take = [&](std::string_view piece) {
    bytes += piece;
    return bytes.size() < 6;
  };
  world.transport.serve([](const net::HttpRequest&) { return answer(410, failure(410, "Expired")); });
  const auto expired = client.watch(kPods, "", {}, {}, take);
  CHECK(expired.error().is_expired());
  CHECK(expired.error().message == "it failed");
  world.transport.serve([](const net::HttpRequest&) { return answer_later(429, "1"); });
  CHECK(client.watch(kPods, "", {}, {}, take).error().retry_after == 1s);
  world.transport.serve([](const net::HttpRequest&) { return answer(500, std::string(10u << 20, 'x')); });
  CHECK(client.watch(kPods, "", {}, {}, take).error().message.size() < 2000);
  CHECK(bytes.empty());
  world.transport.serve([](const net::HttpRequest&) { return answer(200, "0123456789"); });
  CHECK(client.watch(kPods, "", {}, {}, take));
  CHECK(bytes == "012345");
}

TEST_CASE("a log ends at its limit and in time") {
  TestWorld world;
  Client client = world.client();
  world.transport.serve([](const net::HttpRequest&) { return answer(200, std::string(100, 'x')); });
  CHECK(client.logs(kWeb, {.limit_bytes = 10})->text.size() == 10);
  CHECK(client.logs(kWeb, {.limit_bytes = 10})->is_truncated);
  CHECK(client.logs(kWeb, {})->text.size() == 100);
  CHECK_FALSE(client.logs(kWeb, {})->is_truncated);
  world.transport.serve([&](const net::HttpRequest&) {
    world.clock.advance(10s);
    return answer(200, "drip drip");
  });
  const auto late = client.logs(kWeb, {});
  REQUIRE(late);
  CHECK(late->text == "dri");
  CHECK(late->is_truncated);
  world.transport.serve([](const net::HttpRequest&) { return answer(400, failure(400, "BadRequest")); });
  CHECK(client.logs(kWeb, {}).error().code == ErrorCode::kInvalidInput);
}

TEST_CASE("a log whose stream breaks is what came before, and one of which nothing came an error") {
  TestWorld world;
  Client client = world.client();
  for (const ErrorCode code : {ErrorCode::kTimeout, ErrorCode::kUnavailable, ErrorCode::kCancelled}) {
    world.transport.serve([](const net::HttpRequest&) { return answer(200, "line\n"); });
    world.transport.break_streams(make_error(code, "idle"));
    const auto partial = client.logs(kWeb, {});
    CHECK(partial.has_value() == (code != ErrorCode::kCancelled));
    if (partial) CHECK(partial->text == "line\n");
    if (partial) CHECK(partial->is_truncated);
    world.transport.serve([](const net::HttpRequest&) { return answer(200, ""); });
    CHECK(client.logs(kWeb, {}).error().code == code);
  }
}

TEST_CASE("a log waits out a busy server, a watch is told at once") {
  TestWorld world;
  Client client = world.client();
  for (const int status : {429, 503}) {
    const int before = world.transport.requests();
    world.transport.serve([&](const net::HttpRequest&) {
      return world.transport.requests() == before + 1 ? answer_later(status, "1", "busy")
                                                      : answer(200, "log");
    });
    CHECK(client.logs(kWeb, {})->text == "log");
    CHECK(world.transport.requests() == before + 2);
  }
  world.transport.serve([&](const net::HttpRequest&) { return answer_later(429, "1"); });
  const int before = world.transport.requests();
  CHECK_FALSE(client.watch(kPods, "", {}, {}, [](std::string_view) { return true; }));
  CHECK(world.transport.requests() == before + 1);
}

TEST_CASE("exchanges are observed and warnings surface, escaped") {
  TestWorld world;
  Client client = world.client();
  std::vector<std::pair<std::string, int>> seen;
  std::vector<std::string> warnings;
  client.set_observer([&](std::string_view method, int status, std::chrono::nanoseconds) {
    seen.emplace_back(method, status);
  });
  client.set_warning_sink([&](std::string_view text) { warnings.emplace_back(text); });
  world.transport.serve([](const net::HttpRequest&) -> Result<net::HttpResponse> {
    net::HttpResponse response = answer(200, kPod);
    response.headers.add("warning", "299 - \"v1beta1 is \\\"old\\\"\x1b[2J\"");
    response.headers.add("Warning", "unquoted");
    return response;
  });
  CHECK(client.get(kPods, kWeb));
  world.transport.serve([](const net::HttpRequest&) -> Result<net::HttpResponse> {
    return fail(ErrorCode::kTimeout, "no answer");
  });
  CHECK_FALSE(client.remove(kPods, kWeb));
  CHECK(seen == std::vector<std::pair<std::string, int>>{{"GET", 200}, {"DELETE", 0}});
  CHECK(warnings == std::vector<std::string>{"v1beta1 is \"old\"\\x1b[2J", "unquoted"});
}

TEST_CASE("a warning is new once, and there is an end to new ones") {
  SeenWarnings seen;
  CHECK(seen.is_new("v1beta1 is old"));
  CHECK_FALSE(seen.is_new("v1beta1 is old"));
  int news = 1;
  for (int i = 0; i < 10'000; ++i) news += int(seen.is_new(std::to_string(i)));
  CHECK(news == 256);
}

TEST_CASE("a call whose stop was requested ends before it is sent") {
  TestWorld world;
  Client client = world.client();
  std::stop_source stop;
  stop.request_stop();
  CHECK(client.get(kPods, kWeb, {.stop = stop.get_token()}).error().code == ErrorCode::kCancelled);
  CHECK(world.transport.requests() == 0);
}
