// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/client/connect.h"

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "base/testing/scratch_directory.h"
#include "k8s-client/auth/credentials.h"
#include "k8s-client/auth/test_environment.h"
#include "k8s-client/client/test_world.h"
#include "net/testing/test_certificates.h"

using namespace kintsugi;
using namespace kintsugi::k8s;
using namespace std::chrono_literals;

namespace {

std::string kubeconfig_text(const std::string& cluster) {
  return "current-context: x\ncontexts: [{name: x, context: {cluster: x, user: x, namespace: shop}}]\n"
         "users: [{name: x, user: {token: abc}}]\nclusters: [{name: x, cluster: {" +
         cluster + "}}]\n";
}

/// Each transport answers with the CA that it was made with.
TransportFactory echoing_ca(std::vector<net::CurlOptions>& made) {
  return [&made](const net::CurlOptions& options) {
    made.push_back(options);
    auto transport = std::make_unique<FunctionTransport>();
    transport->serve([ca = options.tls.ca_pem](const net::HttpRequest& request) {
      return answer(200, nlohmann::json{{"ca", ca}, {"token", request.bearer_token.reveal()}}.dump());
    });
    return transport;
  };
}

Result<void> no_websocket(const net::WebSocketRequest&, const net::TlsOptions&, std::stop_token,
                          const std::function<bool(std::string_view)>&, net::UpgradeRefusal&) {
  return fail(ErrorCode::kUnavailable, "no WebSocket here");
}

}  // namespace

TEST_CASE("over a unix socket there is nothing to configure") {
  const LeapingClock clock;
  std::vector<net::CurlOptions> made;
  const auto connection = connect(
      {.kubeconfig = {.path = "/nonexistent"}, .unix_socket = "/run/s", .environment = environment_of({})},
      clock, echoing_ca(made), no_websocket);
  REQUIRE(connection);
  Client& client = (*connection)->client();
  CHECK(client.options().server == "http://localhost");
  CHECK((*client.get(kPods, {"shop", "a"}))["token"] == "");
  REQUIRE(made.size() == 1);
  CHECK(made[0].unix_socket == "/run/s");
  CHECK(client.exec({"shop", "a"}, {.command = {"true"}}).error().code == ErrorCode::kUnsupported);
  const auto too_long =
      connect({.unix_socket = std::string(108, 'a')}, clock, echoing_ca(made), no_websocket);
  REQUIRE_FALSE(too_long);
  CHECK(too_long.error().code == ErrorCode::kInvalidInput);
}

TEST_CASE("a connection puts configuration, credentials and transport together") {
  const ScratchDirectory directory;
  const LeapingClock clock;
  std::vector<net::CurlOptions> made;
  const std::string path =
      directory.write("config", kubeconfig_text("server: 'https://h', tls-server-name: api"));
  const auto connection =
      connect({.kubeconfig = {.path = path}, .environment = environment_of({}), .user_agent = "t/1"}, clock,
              echoing_ca(made), no_websocket);
  REQUIRE(connection);
  Client& client = (*connection)->client();
  CHECK(client.options().default_namespace == "shop");
  CHECK(client.options().server == "https://h");
  CHECK((*client.get(kPods, {"shop", "a"}))["token"] == "abc");
  CHECK(client.get(kPods, {"shop", "a"}));
  REQUIRE(made.size() == 1);
  CHECK(made[0].user_agent == "t/1");
  CHECK(made[0].tls.server_name == "api");
  CHECK(client.exec({"shop", "a"}, {.command = {"id"}}).error().message == "no WebSocket here");

  RateLimiter own({}, clock);
  const auto second = (*connection)->make_client(own);
  CHECK(second->get(kPods, {"shop", "a"}));
  CHECK(made.size() == 2);
}

TEST_CASE("a changed certificate authority gives new connections") {
  const ScratchDirectory directory;
  const LeapingClock clock;
  std::vector<net::CurlOptions> made;
  const std::string first = net::TestAuthority().certificate_pem();
  const std::string second = net::TestAuthority().certificate_pem();
  directory.write("ca.crt", first);
  const std::string path =
      directory.write("config", kubeconfig_text("server: 'https://h', certificate-authority: ca.crt"));
  const auto connection = connect({.kubeconfig = {.path = path}, .environment = environment_of({})}, clock,
                                  echoing_ca(made), no_websocket);
  REQUIRE(connection);
  const auto ca_in_use = [&] {
    return (*(*connection)->client().get(kPods, {"shop", "a"}))["ca"].get<std::string>();
  };
  CHECK(ca_in_use() == first);
  directory.write("ca.crt", second);
  clock.advance(5min);
  CHECK(ca_in_use() == second);
  directory.write("ca.crt", "broken");
  clock.advance(5min);
  CHECK(ca_in_use() == second);
  CHECK(made.size() == 2);
}

TEST_CASE("what cannot be connected to says why") {
  const ScratchDirectory directory;
  const LeapingClock clock;
  std::vector<net::CurlOptions> made;
  const auto attempt = [&](const std::string& cluster) {
    const std::string path = directory.write("config", kubeconfig_text(cluster));
    return connect({.kubeconfig = {.path = path}, .environment = environment_of({})}, clock, echoing_ca(made),
                   no_websocket);
  };
  CHECK_FALSE(attempt("server: h"));
  CHECK(attempt("server: 'https://h', certificate-authority: gone").error().object ==
        directory.path() + "/gone");
  CHECK_FALSE(attempt("server: 'https://h', certificate-authority-data: aGVsbG8="));
  const auto proxied = attempt("server: 'https://h', proxy-url: 'http://p:1'");
  REQUIRE(proxied);
  CHECK((*proxied)->client().exec({"shop", "a"}, {.command = {"id"}}).error().code ==
        ErrorCode::kUnsupported);
  CHECK(connect({.environment = environment_of({})}, clock, echoing_ca(made), no_websocket).error().code ==
        ErrorCode::kNotFound);
}
