// SPDX-License-Identifier: Apache-2.0
#include "controller/http_front.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/testing/scratch_directory.h"
#include "net/curl_transport.h"
#include "net/testing/raw_socket.h"
#include "net/testing/test_certificates.h"
#include "playbooks/loader.h"

namespace kintsugi::controller {
namespace {

constexpr const char* kEvent =
    R"({"rule": "Terminal shell", "priority": "Critical", "output": "o", "source": "syscall",
        "output_fields": {"k8s.ns.name": "shop", "k8s.pod.name": "web-1"}})";

/// A front with TLS and tokens on free ports, and its files.
class Fixture {
 public:
  Fixture() : front_(make_settings(), take, clock_, log_, [](auto, auto) {}, [] { return "exposed 1\n"; }) {
    write_certificate(authority_);
    write_tokens("falco first-token-0123456789");
  }

  HttpFront& front() { return front_; }
  void write_certificate(const net::TestAuthority& authority) {
    const net::TestCertificate leaf = authority.issue({"127.0.0.1"});
    directory_.write("tls.crt", leaf.certificate_pem);
    directory_.write("tls.key", leaf.key_pem);
  }
  void write_key(const std::string& pem) { directory_.write("tls.key", pem); }
  void write_tokens(const std::string& text) { directory_.write("tokens", text + "\n"); }

  /// The status of the answer on the signals address, 0 where the connection is not trusted.
  int post(const std::string& token, const net::TestAuthority& trusted) {
    net::HttpRequest request;
    request.method = "POST";
    request.url = "https://127.0.0.1:" + std::to_string(front_.signals_port()) + "/v1/signals/falco";
    if (!token.empty()) request.bearer_token = Secret(token);
    request.body = kEvent;
    net::CurlOptions options;
    options.tls.ca_pem = trusted.certificate_pem();
    const auto answer = net::make_curl_transport(options)->send(request, {});
    return answer ? answer->status : 0;
  }
  int post(const std::string& token) { return post(token, authority_); }
  net::HttpResponse get(const std::string& path) {
    net::HttpRequest request;
    request.url = "http://127.0.0.1:" + std::to_string(front_.metrics_port()) + path;
    const auto answer = net::make_curl_transport({})->send(request, {});
    return answer ? *answer : net::HttpResponse();
  }

 private:
  static Result<IntakeResult> take(const Signal&) {
    return IntakeResult{Disposition::kOpened, "inc-1", "opened"};
  }
  const Settings& make_settings() {
    settings_.signals_listen = {"127.0.0.1", 0};
    settings_.metrics_listen = {"127.0.0.1", 0};
    settings_.signals_token_file = directory_.path() + "/tokens";
    settings_.signals_tls_certificate = directory_.path() + "/tls.crt";
    settings_.signals_tls_key = directory_.path() + "/tls.key";
    return settings_;
  }

  const ScratchDirectory directory_;
  const net::TestAuthority authority_;
  Settings settings_;
  const SystemClock clock_;
  Logger log_{clock_, LogLevel::kError, [](std::string_view) {}};
  HttpFront front_;
};

}  // namespace

TEST_CASE("signals are taken over TLS from who has the token") {
  Fixture fixture;
  REQUIRE(fixture.front().start());
  CHECK(fixture.post("first-token-0123456789") == 202);
  CHECK(fixture.post("first-token-012345678") == 401);
  CHECK(fixture.post("") == 401);
  CHECK(fixture.post("first-token-0123456789", net::TestAuthority("another")) == 0);
}

TEST_CASE("whatever is refused on the signals address is refused as a problem") {
  Settings settings;
  settings.signals_listen = {"127.0.0.1", 0};
  settings.metrics_listen = {"127.0.0.1", 0};
  const SystemClock clock;
  Logger log(clock, LogLevel::kError, [](std::string_view) {});
  const auto take = [](const Signal&) { return IntakeResult{Disposition::kOpened, "inc-1", "opened"}; };
  HttpFront front(settings, take, clock, log, [](auto, auto) {}, [] { return std::string(); });
  REQUIRE(front.start());
  const std::string head = "POST /v1/signals/falco HTTP/1.1\r\nHost: a\r\n";
  const std::pair<int, std::string> cases[] = {
      {400, "nonsense\r\n\r\n"},
      {400, head + "Content-Length: 3\r\n\r\nno!"},
      {404, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {404, "POST /v1/signals/other HTTP/1.1\r\nHost: a\r\n\r\n"},
      {405, "GET /v1/signals/falco HTTP/1.1\r\nHost: a\r\n\r\n"},
      {413, head + "Content-Length: 10485760\r\n\r\n"},
      {422, head + "Content-Length: 2\r\n\r\n{}"},
      {431, head + "X: " + std::string(20'000, 'x') + "\r\n\r\n"},
      {501, head + "Transfer-Encoding: gzip\r\n\r\n"},
  };
  for (const auto& [status, text] : cases) {
    INFO(text.substr(0, 100));
    auto client = net::RawConnection::open(front.signals_port());
    client.send(text);
    const std::string answer = client.read_until("}");
    CHECK(answer.substr(9, 3) == std::to_string(status));
    CHECK(answer.find("Content-Type: application/problem+json\r\n") != std::string::npos);
    const auto problem = parse_json(answer.substr(answer.find("\r\n\r\n") + 4)).value_or(nullptr);
    REQUIRE(problem.is_object());
    CHECK(problem["status"] == status);
    CHECK_FALSE(problem["title"].get<std::string>().empty());
    CHECK_FALSE(problem["detail"].get<std::string>().empty());
  }
}

TEST_CASE("every source that a playbook may name is served") {
  Settings settings;
  settings.signals_listen = {"127.0.0.1", 0};
  settings.metrics_listen = {"127.0.0.1", 0};
  const SystemClock clock;
  Logger log(clock, LogLevel::kError, [](std::string_view) {});
  const auto take = [](const Signal&) { return IntakeResult{Disposition::kOpened, "inc-1", "opened"}; };
  HttpFront front(settings, take, clock, log, [](auto, auto) {}, [] { return std::string(); });
  REQUIRE(front.start());
  for (const std::string_view source : playbooks::kKnownSources) {
    CAPTURE(source);
    auto client = net::RawConnection::open(front.signals_port());
    client.send("POST /v1/signals/" + std::string(source) +
                " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
    CHECK(client.read_until("}").substr(9, 3) == "422");
  }
}

TEST_CASE("tokens and certificate are read again, and what is broken changes nothing") {
  Fixture fixture;
  REQUIRE(fixture.front().start());
  fixture.write_tokens("falco second-token-0123456789");
  fixture.front().reload();
  CHECK(fixture.post("first-token-0123456789") == 401);
  CHECK(fixture.post("second-token-0123456789") == 202);

  fixture.write_tokens("falco short");
  fixture.front().reload();
  CHECK(fixture.post("second-token-0123456789") == 202);

  const net::TestAuthority next("next authority");
  fixture.write_certificate(next);
  fixture.front().reload();
  CHECK(fixture.post("second-token-0123456789", next) == 202);
  CHECK(fixture.post("second-token-0123456789") == 0);
}

TEST_CASE("files that cannot be used keep the front from starting") {
  Fixture fixture;
  SECTION("tokens") {
    fixture.write_tokens("falco short");
  }
  SECTION("a certificate without its key") {
    fixture.write_key("no key");
  }
  SECTION("another certificate's key") {
    fixture.write_key(net::TestAuthority().issue({"127.0.0.1"}).key_pem);
  }
  CHECK_FALSE(fixture.front().start());
}

TEST_CASE("a process that waits for its cluster is alive, not ready, and takes no signals yet") {
  Fixture fixture;
  REQUIRE(fixture.front().start_metrics());
  CHECK(fixture.get("/healthz").status == 200);
  CHECK(fixture.get("/readyz").status == 503);
  const auto port = fixture.front().metrics_port();
  REQUIRE(fixture.front().start());
  CHECK(fixture.front().metrics_port() == port);
  CHECK(fixture.post("first-token-0123456789") == 202);
}

TEST_CASE("it is ready when it is told so, until its stop, and what is measured can be read longer") {
  Fixture fixture;
  REQUIRE(fixture.front().start());
  CHECK(fixture.get("/readyz").status == 503);
  CHECK(fixture.get("/healthz").status == 200);
  fixture.front().set_ready();
  CHECK(fixture.get("/readyz").status == 200);
  CHECK(fixture.get("/nothing").status == 404);
  fixture.front().stop_signals();
  CHECK(fixture.post("first-token-0123456789") == 0);
  CHECK(fixture.get("/readyz").status == 503);
  CHECK(fixture.get("/metrics").body == "exposed 1\n");
  fixture.front().stop_metrics();
  CHECK(fixture.get("/healthz").status == 0);
}

}  // namespace kintsugi::controller
