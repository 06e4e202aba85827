// SPDX-License-Identifier: Apache-2.0
#include "host/service_probe.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "net/curl_transport.h"
#include "net/testing/raw_socket.h"

namespace kintsugi::host {
namespace {

using Kind = targets::ProbeTerms::Kind;

/// What a machine that answers every request with these bytes is taken for.
Result<void> ask(const std::string& answer, const std::string& expect) {
  net::RawServer server([&](net::RawConnection& connection) {
    connection.read_until("\r\n\r\n");
    connection.send(answer);
  });
  const auto transport = net::make_curl_transport({});
  return NetworkServiceProbe(*transport)
      .ask({Kind::kHttp, fmt::format("http://127.0.0.1:{}/version", server.port()), expect}, {});
}

std::string http(const std::string& status, const std::string& body) {
  return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", status, body.size(),
                     body);
}

}  // namespace

TEST_CASE("a probe is checked before it is needed") {
  for (const char* http : {"http://10.77.0.11/version", "https://[2001:db8::7]:8443/", "http://web1.lan/"})
    CHECK(check_probe({Kind::kHttp, http, ""}));
  for (const char* http : {"", "10.77.0.11", "gopher://a/", "http://", "http://a b/", "file:///etc/passwd"})
    CHECK_FALSE(check_probe({Kind::kHttp, http, ""}));
  for (const char* tcp : {"10.77.0.11:80", "[2001:db8::7]:80", "127.0.0.1:65535"})
    CHECK(check_probe({Kind::kTcp, tcp, ""}));
  for (const char* tcp :
       {"", ":80", "10.77.0.11", "10.77.0.11:", "10.77.0.11:0", "10.77.0.11:65536", "10.77.0.11:80x",
        "10.77.0.11:-1", "web1:80", "2001:db8::7:80", "[10.77.0.11]:80", "[]:80", "10.77.0.11:80\n"}) {
    INFO(tcp);
    CHECK_FALSE(check_probe({Kind::kTcp, tcp, ""}));
  }
  CHECK(check_probe({}));
}

TEST_CASE("a machine serves when it answers what is expected") {
  CHECK(ask(http("200 OK", "web-1.0\n"), "web-1.0"));
  CHECK(ask(http("200 OK", ""), ""));
  CHECK(ask(http("302 Found", ""), ""));
}

TEST_CASE("a machine that answers anything else does not serve, and what it says is escaped") {
  const auto [answer, expect, message] = GENERATE(table<std::string, std::string, std::string>({
      {http("200 OK", "web-0.9"), "web-1.0", "'web-1.0' is not in what it answers: 'web-0.9'"},
      {http("200 OK", "a\x1b[2Jb"), "c", "a\\x1b[2Jb"},
      {http("500 Oops", "web-1.0"), "web-1.0", "it answers with HTTP 500"},
      {http("404 Not Found", "web-1.0"), "web-1.0", "it answers with HTTP 404"},
      {http("200 OK", std::string(kMaxProbeBytes + 1, 'a')), "a", ""},
      {"no http at all\r\n\r\n", "", ""},
      {"", "", ""},
  }));
  const auto served = ask(answer, expect);
  REQUIRE_FALSE(served);
  INFO(served.error().to_string());
  CHECK_THAT(served.error().to_string(), Catch::Contains(message));
  CHECK(served.error().to_string().size() < 512);
}

TEST_CASE("a machine serves when it takes a connection, and not when nobody listens") {
  const auto transport = net::make_curl_transport({});
  NetworkServiceProbe probe(*transport);
  std::string address;
  {
    net::RawServer server([](net::RawConnection&) {});
    address = fmt::format("127.0.0.1:{}", server.port());
    CHECK(probe.ask({Kind::kTcp, address, ""}, {}));
  }
  const auto refused = probe.ask({Kind::kTcp, address, ""}, {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kUnavailable);
  CHECK_FALSE(probe.ask({Kind::kTcp, "web1:80", ""}, {}));
  CHECK_FALSE(probe.ask({Kind::kAgent, "", ""}, {}));
}

}  // namespace kintsugi::host
