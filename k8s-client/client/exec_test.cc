// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "k8s-client/client/client.h"
#include "k8s-client/client/test_world.h"

using namespace kintsugi;
using namespace kintsugi::k8s;
using namespace std::chrono_literals;

namespace {

const ObjectKey kWeb{"shop", "web-1"};
const ExecOptions kCommand{.container = "c", .command = {"id", "-u"}};
const std::string kSuccess = std::string("\x03") + R"({"status":"Success"})";

/// A conversation: messages, then its end.
Client::WebSocketRunner says(std::vector<std::string> messages, Result<void> end = {}) {
  return [messages = std::move(messages), end = std::move(end)](
             const net::WebSocketRequest&, const net::TlsOptions&, std::stop_token,
             const std::function<bool(std::string_view)>& on_message, net::UpgradeRefusal&) -> Result<void> {
    for (const std::string& message : messages) {
      if (!on_message(message)) return {};
    }
    return end;
  };
}

Client::WebSocketRunner refuses(int status, const std::string& body) {
  return [=](const net::WebSocketRequest&, const net::TlsOptions&, std::stop_token,
             const std::function<bool(std::string_view)>&, net::UpgradeRefusal& refusal) -> Result<void> {
    refusal.response = answer(status, body);
    return fail(ErrorCode::kRefused, "upgrade refused");
  };
}

}  // namespace

TEST_CASE("a command's output and end come back") {
  TestWorld world;
  net::WebSocketRequest seen;
  Client client =
      world.client([&](const net::WebSocketRequest& request, const net::TlsOptions& tls, std::stop_token stop,
                       const auto& on_message, net::UpgradeRefusal& refusal) {
        seen = request;
        return says({"\x01out",
                     "\x02"
                     "err",
                     kSuccess})(request, tls, stop, on_message, refusal);
      });
  const auto result = client.exec(kWeb, kCommand);
  REQUIRE(result);
  CHECK(result->standard_output == "out");
  CHECK(result->standard_error == "err");
  CHECK(seen.subprotocol == "v5.channel.k8s.io");
  CHECK(seen.deadline == 20s);
  CHECK(seen.bearer_token.equals("old"));
  CHECK(*seen.headers.find("User-Agent") == "test/1");
  CHECK(seen.url ==
        "https://h:6443/api/v1/namespaces/shop/pods/web-1/exec?command=id&command=-u&container=c"
        "&stdout=true&stderr=true");
}

TEST_CASE("a session that ends without a Status is no success (K13 case 13)") {
  TestWorld world;
  for (const auto& runner : {says({"\x01"
                                   "done"}),
                             says({})}) {
    Client client = world.client(runner);
    const auto result = client.exec(kWeb, kCommand);
    REQUIRE_FALSE(result);
    CHECK(result.error().outcome_unknown);
    CHECK(result.error().object == "pod shop/web-1");
  }
}

TEST_CASE("a session that breaks is unknown once it was open, unless its Status had come") {
  TestWorld world;
  const Result<void> reset = fail(ErrorCode::kUnavailable, "connection reset");
  const auto never_open = world.client(says({}, reset)).exec(kWeb, kCommand);
  CHECK(never_open.error().code == ErrorCode::kUnavailable);
  CHECK_FALSE(never_open.error().outcome_unknown);
  const auto half = world.client(says({"\x01out"}, reset)).exec(kWeb, kCommand);
  CHECK(half.error().code == ErrorCode::kUnavailable);
  CHECK(half.error().outcome_unknown);
  CHECK(world.client(says({kSuccess}, reset)).exec(kWeb, kCommand));
  CHECK(world.client(says({"\x03" + failure(500, "InternalError")}, reset))
            .exec(kWeb, kCommand)
            .error()
            .message == "it failed");
}

TEST_CASE("a refused upgrade is the server's error") {
  TestWorld world;
  const auto forbidden = world.client(refuses(403, failure(403, "Forbidden"))).exec(kWeb, kCommand);
  CHECK(forbidden.error().code == ErrorCode::kForbidden);
  CHECK_FALSE(forbidden.error().outcome_unknown);
  CHECK(world.client(refuses(400, "container not found")).exec(kWeb, kCommand).error().message ==
        "HTTP status 400 with: container not found");
}

TEST_CASE("a 401 at the upgrade is tried once more with the rotated token") {
  TestWorld world;
  world.credentials.next_token = "new";
  Client client =
      world.client([](const net::WebSocketRequest& request, const net::TlsOptions& tls, std::stop_token stop,
                      const auto& on_message, net::UpgradeRefusal& refusal) {
        const bool good = request.bearer_token.equals("new");
        return (good ? says({kSuccess}) : refuses(401, ""))(request, tls, stop, on_message, refusal);
      });
  CHECK(client.exec(kWeb, kCommand));
  world.credentials.token = world.credentials.next_token = "bad";
  CHECK(client.exec(kWeb, kCommand).error().code == ErrorCode::kUnauthorized);
}

TEST_CASE("a busy server is waited for, its throttling counts, and an urgent command does not queue") {
  TestWorld world;
  int tries = 0;
  const auto busy_once = [&](int status) {
    tries = 0;
    return [&tries, status](const net::WebSocketRequest& request, const net::TlsOptions& tls,
                            std::stop_token stop, const auto& on_message,
                            net::UpgradeRefusal& refusal) -> Result<void> {
      if (++tries > 1) return says({kSuccess})(request, tls, stop, on_message, refusal);
      refusal.response = answer_later(status, "1");
      return fail(ErrorCode::kRefused, "upgrade refused");
    };
  };
  CHECK(world.client(busy_once(503)).exec(kWeb, kCommand));
  CHECK(tries == 2);
  CHECK(world.limiter.rate() == 50);
  CHECK(world.client(busy_once(429)).exec(kWeb, kCommand));
  CHECK(tries == 2);
  CHECK(world.limiter.rate() < 50);

  world.limiter.throttled(9s);
  const MonotonicTime before = world.clock.monotonic();
  ExecOptions urgent = kCommand;
  urgent.priority = net::Priority::kContainment;
  CHECK(world.client(says({kSuccess})).exec(kWeb, urgent));
  CHECK(world.clock.monotonic() == before);
  urgent.priority = net::Priority::kBackground;
  CHECK(world.client(says({kSuccess})).exec(kWeb, urgent));
  CHECK(world.clock.monotonic() - before >= 9s);
}

TEST_CASE("output is capped, and exec without a WebSocket says so") {
  TestWorld world;
  ExecOptions options = kCommand;
  options.max_output_bytes = 3;
  const auto capped = world
                          .client(says({"\x01"
                                        "abcdef",
                                        kSuccess}))
                          .exec(kWeb, options);
  REQUIRE(capped);
  CHECK(capped->truncated);
  CHECK(capped->standard_output == "abc");
  CHECK(world.client().exec(kWeb, kCommand).error().code == ErrorCode::kUnsupported);
}
