// SPDX-License-Identifier: Apache-2.0
#include "host/service_probe.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>

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

/// Has a place for one connection, which is taken: whoever comes then hears nothing.
class DeafServer {
 public:
  DeafServer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener_, any, size) == 0);
    REQUIRE(::listen(listener_, 0) == 0);
    REQUIRE(::getsockname(listener_, any, &size) == 0);
    port_ = ntohs(address.sin_port);
    for (const int socket : callers_) (void)::connect(socket, any, size);
  }
  ~DeafServer() {
    for (const int socket : callers_) ::close(socket);
    ::close(listener_);
  }
  DeafServer(const DeafServer&) = delete;
  DeafServer& operator=(const DeafServer&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  static int make_socket() { return ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

  const int listener_ = make_socket();
  const std::array<int, 3> callers_{make_socket(), make_socket(), make_socket()};
  std::uint16_t port_ = 0;
};

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

TEST_CASE("where a probe asks is known where its address is a number") {
  const auto [kind, address, endpoint] = GENERATE(table<Kind, std::string, std::string>({
      {Kind::kTcp, "10.77.0.11:80", "10.77.0.11:80"},
      {Kind::kTcp, "[2001:DB8:0::7]:8080", "[2001:db8::7]:8080"},
      {Kind::kHttp, "http://10.77.0.11/version", "10.77.0.11:80"},
      {Kind::kHttp, "https://10.77.0.11/", "10.77.0.11:443"},
      {Kind::kHttp, "http://[2001:db8::7]:8080/", "[2001:db8::7]:8080"},
      {Kind::kTcp, "web1:80", ""},
      {Kind::kTcp, "10.77.0.11", ""},
      {Kind::kTcp, "http://10.77.0.11/", ""},
      {Kind::kHttp, "http://web1.lan/", ""},
      {Kind::kHttp, "http://0x0a4d000b/", ""},
      {Kind::kHttp, "10.77.0.11:80", ""},
      {Kind::kHttp, "", ""},
      {Kind::kAgent, "10.77.0.11:80", ""},
  }));
  const auto found = endpoint_of({kind, address, ""});
  INFO(address);
  CHECK((found ? found->to_string() : "") == endpoint);
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

TEST_CASE("who takes a connection, who refuses it, and who says nothing are told apart, in little time") {
  const auto transport = net::make_curl_transport({});
  NetworkServiceProbe probe(*transport);
  Endpoint where{"127.0.0.1", 0};
  {
    net::RawServer server([](net::RawConnection&) {});
    where.port = std::uint16_t(server.port());
    CHECK(probe.reach(where).value() == Reached::kAccepted);
  }
  CHECK(probe.reach(where).value() == Reached::kRefused);
  const DeafServer deaf;
  const auto begun = std::chrono::steady_clock::now();
  CHECK(probe.reach({"127.0.0.1", deaf.port()}).value() == Reached::kSilent);
  CHECK(std::chrono::steady_clock::now() - begun < kSilenceTimeout + std::chrono::seconds(1));
  CHECK_FALSE(probe.reach({"nonsense", 80}));
}

}  // namespace kintsugi::host
