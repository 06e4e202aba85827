// SPDX-License-Identifier: Apache-2.0
#include "net/test_server.h"
#include "net/testing/raw_socket.h"
#include "net/testing/test_certificates.h"

namespace kintsugi::net {
namespace {

using namespace std::chrono_literals;

ServerTls identity(const TestCertificate& certificate) {
  return {certificate.certificate_pem, Secret(certificate.key_pem)};
}

std::unique_ptr<HttpTransport> client_trusting(const std::string& ca_pem,
                                               const std::string& server_name = {}) {
  CurlOptions options;
  options.tls.ca_pem = ca_pem;
  options.tls.server_name = server_name;
  return make_curl_transport(std::move(options));
}

}  // namespace

TEST_CASE("requests, large bodies and streams go over TLS", "[tls]") {
  const TestAuthority authority;
  TestServer server({.limits = {.max_body_bytes = 16u << 20},
                     .handle =
                         [](const ServerRequest& request, std::unique_ptr<Responder> responder) {
                           if (request.method == "POST")
                             return responder->respond(text_response(200, request.body));
                           const auto writer = responder->start_stream(text_response(200, ""));
                           for (int i = 0; i < 100; ++i) writer->write("line\n");
                         },
                     .tls = identity(authority.issue({"127.0.0.1"}))});
  const auto transport = client_trusting(authority.certificate_pem());
  const std::string large(3u << 20, 'x');
  for (int i = 0; i < 3; ++i) {
    const auto response = transport->send(post(server.tls_url(), large), {});
    REQUIRE(response.has_value());
    CHECK(response->body == large);
  }
  std::string seen;
  const auto end = transport->stream(
      get(server.tls_url()), {}, [](const HttpResponse&) { return true; },
      [&](std::string_view bytes) { return seen.append(bytes), true; });
  CHECK(end.has_value());
  CHECK(seen.size() == 500);
}

TEST_CASE("a certificate that is not right is not accepted, and nothing is sent", "[tls]") {
  const TestAuthority authority;
  const TestAuthority other("another authority");
  const auto refused = [&](const TestCertificate& certificate, const std::string& ca_pem,
                           const std::string& name = {}) {
    bool handled = false;
    TestServer server({.handle = [&](const ServerRequest&, std::unique_ptr<Responder>) { handled = true; },
                       .tls = identity(certificate)});
    const auto response = client_trusting(ca_pem, name)->send(post(server.tls_url(), "secret"), {});
    REQUIRE_FALSE(response.has_value());
    CHECK(response.error().code == ErrorCode::kUnavailable);
    CHECK_FALSE(response.error().retryable);
    CHECK_FALSE(response.error().outcome_unknown);
    CHECK(response.error().message.find("certificate") != std::string::npos);
    CHECK_FALSE(handled);
  };
  SECTION("another authority") {
    refused(other.issue({"127.0.0.1"}), authority.certificate_pem());
  }
  SECTION("another name") {
    refused(authority.issue({"example.com"}), authority.certificate_pem());
  }
  SECTION("another expected name") {
    refused(authority.issue({"127.0.0.1"}), authority.certificate_pem(), "api.internal");
  }
  SECTION("expired") {
    refused(authority.issue({"127.0.0.1"}, -60s), authority.certificate_pem());
  }
  SECTION("not one of the system's roots") {
    refused(authority.issue({"127.0.0.1"}), "");
  }
}

TEST_CASE("the expected name may differ from the URL's host", "[tls]") {
  const TestAuthority authority;
  std::string host;
  TestServer server({.handle =
                         [&](const ServerRequest& request, std::unique_ptr<Responder> responder) {
                           host = *request.headers.find("Host");
                           responder->respond(text_response(200, ""));
                         },
                     .tls = identity(authority.issue({"api.internal"}))});
  CHECK(client_trusting(authority.certificate_pem(), "api.internal")
            ->send(get(server.tls_url()), {})
            .has_value());
  CHECK(host == "127.0.0.1:" + std::to_string(server.port()));
}

TEST_CASE("verification can be switched off", "[tls]") {
  const TestAuthority authority;
  TestServer server({.handle = echo_handler(), .tls = identity(authority.issue({"example.com"}, -60s))});
  CurlOptions options;
  options.tls.insecure_skip_verify = true;
  CHECK(make_curl_transport(options)->send(get(server.tls_url()), {}).has_value());
}

TEST_CASE("PEM text that is none is refused by name", "[tls]") {
  const TestAuthority authority;
  TestServer server({.handle = echo_handler(), .tls = identity(authority.issue({"127.0.0.1"}))});
  CurlOptions bad_ca;
  bad_ca.tls.ca_pem = "no PEM";
  CHECK_FALSE(make_curl_transport(bad_ca)->send(get(server.tls_url()), {}).has_value());
  CurlOptions bad_certificate;
  bad_certificate.tls.ca_pem = authority.certificate_pem();
  bad_certificate.tls.certificate_pem = authority.issue({"client"}).certificate_pem;
  bad_certificate.tls.key_pem = Secret(authority.issue({"client"}).key_pem);  // of another certificate
  const auto response = make_curl_transport(bad_certificate)->send(get(server.tls_url()), {});
  CHECK(response.error().code == ErrorCode::kInvalidInput);
}

TEST_CASE("new connections get a reloaded certificate, open ones keep theirs", "[tls]") {
  const TestAuthority old_authority;
  const TestAuthority new_authority("the next authority");
  TestServer server({.handle = echo_handler(), .tls = identity(old_authority.issue({"127.0.0.1"}))});
  const auto old_client = client_trusting(old_authority.certificate_pem());
  REQUIRE(old_client->send(get(server.tls_url()), {}).has_value());

  const TestCertificate next = new_authority.issue({"127.0.0.1"});
  CHECK_FALSE(server->reload_tls({next.certificate_pem, Secret("no key")}).has_value());
  CHECK_FALSE(
      server->reload_tls({next.certificate_pem, Secret(new_authority.issue({"x"}).key_pem)}).has_value());
  CHECK(client_trusting(old_authority.certificate_pem())->send(get(server.tls_url()), {}).has_value());

  REQUIRE(server->reload_tls(identity(next)).has_value());
  CHECK(old_client->send(get(server.tls_url()), {}).has_value());
  CHECK(client_trusting(new_authority.certificate_pem())->send(get(server.tls_url()), {}).has_value());
  CHECK_FALSE(client_trusting(old_authority.certificate_pem())->send(get(server.tls_url()), {}).has_value());
}

TEST_CASE("a plain request to a TLS port, and the other way round, fail quickly", "[tls]") {
  const TestAuthority authority;
  TestServer tls_server({.handle = echo_handler(), .tls = identity(authority.issue({"127.0.0.1"}))});
  TestServer plain_server({.handle = echo_handler()});
  const auto transport = client_trusting(authority.certificate_pem());
  CHECK_FALSE(transport->send(get(tls_server.url()), {}).has_value());
  const auto response = transport->send(get(plain_server.tls_url()), {});
  CHECK(response.error().code == ErrorCode::kUnavailable);
  CHECK_FALSE(response.error().outcome_unknown);
}

TEST_CASE("a handshake that never comes is given up", "[tls]") {
  const TestAuthority authority;
  TestServer server({.limits = {.header_timeout = 50ms},
                     .handle = echo_handler(),
                     .tls = identity(authority.issue({"127.0.0.1"}))});
  RawConnection client = RawConnection::open(server.port());
  CHECK(client.wait_end());
}

}  // namespace kintsugi::net
