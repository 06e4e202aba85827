// SPDX-License-Identifier: Apache-2.0
#include "net/server_registry.h"

#include <atomic>
#include <catch2/catch.hpp>

#include "net/server_session.h"

using namespace kintsugi;
using namespace kintsugi::net;

namespace {

/// A registry of connections that nobody has made.
struct Fixture {
  std::shared_ptr<ServerSession> session() {
    return std::make_shared<ServerSession>(registry, nullptr, ConnectedPeer{"peer", "peer", std::nullopt});
  }
  bool is_empty() const { return registry.wait_empty_until(registry.clock.monotonic()); }

  static ServerOptions options() {
    ServerOptions options;
    options.limits.max_websockets = 1;
    return options;
  }

  SystemClock clock;
  Logger log{clock, LogLevel::kError, [](std::string_view) {}};
  ServerRegistry registry{options(), log};
};

}  // namespace

TEST_CASE("a server is not empty from the admission of a connection on, before it has a session",
          "[server]") {
  Fixture fixture;
  CHECK(fixture.is_empty());
  REQUIRE(fixture.registry.admit("192.0.2.1"));
  fixture.registry.start_draining();
  CHECK_FALSE(fixture.is_empty());
  const auto session = fixture.session();
  fixture.registry.add(session, "192.0.2.1");
  CHECK_FALSE(fixture.is_empty());
  fixture.registry.remove(*session);
  CHECK(fixture.is_empty());
  CHECK_FALSE(fixture.registry.admit("192.0.2.1"));
}

TEST_CASE("a session that has ended starts no WebSocket", "[server]") {
  Fixture fixture;
  const auto session = fixture.session();
  CHECK_FALSE(fixture.registry.start_websocket(*session, [] { FAIL("it was started"); }));
  REQUIRE(fixture.registry.admit("192.0.2.1"));
  fixture.registry.add(session, "192.0.2.1");
  std::atomic<bool> served = false;
  CHECK(fixture.registry.start_websocket(*session, [&] { served = true; }));
  fixture.registry.remove(*session);
  fixture.registry.wait_empty();
  CHECK(served);
}
