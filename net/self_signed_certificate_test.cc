// SPDX-License-Identifier: Apache-2.0
#include "net/self_signed_certificate.h"

#include "net/test_server.h"

namespace kintsugi::net {
namespace {

using namespace std::chrono_literals;

SelfSignedOptions valid_for(std::vector<std::string> names) {
  const WallTime now = std::chrono::system_clock::now();
  return {std::move(names), now - 1h, now + 1h};
}

/// Asks a server that has this certificate, trusting only `trusted`.
bool answers(const ServerTls& tls, const std::string& trusted, const std::string& name) {
  TestServer server(
      {.handle = [](const ServerRequest&,
                    std::unique_ptr<Responder> responder) { responder->respond(text_response(200, "here")); },
       .tls = tls});
  CurlOptions options;
  options.tls.ca_pem = trusted;
  options.tls.server_name = name;
  const auto response = make_curl_transport(std::move(options))->send(get(server.tls_url()), {});
  return response.has_value() && response->body == "here";
}

}  // namespace

TEST_CASE("a self-signed certificate serves whoever trusts it, under its names only", "[tls]") {
  const auto tls = make_self_signed(valid_for({"kintsugi.system.svc", "127.0.0.1", "::1"}));
  REQUIRE(tls);
  const auto other = make_self_signed(valid_for({"127.0.0.1"}));
  REQUIRE(other);
  CHECK(answers(*tls, tls->certificate_pem, ""));  // 127.0.0.1
  CHECK(answers(*tls, tls->certificate_pem, "kintsugi.system.svc"));
  CHECK(answers(*tls, other->certificate_pem + tls->certificate_pem, ""));
  CHECK_FALSE(answers(*tls, tls->certificate_pem, "kintsugi.other.svc"));
  CHECK_FALSE(answers(*tls, other->certificate_pem, ""));
}

TEST_CASE("a certificate's facts are what it was made with", "[tls]") {
  SelfSignedOptions options = valid_for({"kintsugi.system.svc", "::1", "10.0.0.1"});
  options.not_before = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 2));
  options.not_after = WallTime(std::chrono::sys_days(std::chrono::year(2060) / 3 / 4));  // a GeneralizedTime
  const auto tls = make_self_signed(options);
  REQUIRE(tls);
  const auto facts = read_serving_facts(tls->certificate_pem);
  REQUIRE(facts);
  CHECK(facts->not_before == options.not_before);
  CHECK(facts->not_after == options.not_after);
  CHECK(facts->names == std::vector<std::string>{"10.0.0.1", "::1", "kintsugi.system.svc"});
}

TEST_CASE("what is no name, and no certificate, is refused", "[tls]") {
  for (const char* name : {"", "a b", "a,DNS:evil", "*.svc", "a/b"}) {
    INFO(name);
    const auto made = make_self_signed(valid_for({name}));
    REQUIRE_FALSE(made);
    CHECK(made.error().code == ErrorCode::kInvalidInput);
  }
  for (const char* text :
       {"", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    INFO(text);
    CHECK_FALSE(read_serving_facts(text));
  }
}

}  // namespace kintsugi::net
