// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_transports.h"

#include <catch2/catch.hpp>

#include "net/testing/scripted_transport.h"

using namespace kintsugi;
using namespace kintsugi::trust;

namespace {

/// Remembers with what options transports were made; each answers with its number as the status.
struct Made {
  std::vector<net::CurlOptions> options;

  RegistryTransports::Maker maker() {
    return [this](net::CurlOptions given) {
      options.push_back(std::move(given));
      auto transport = std::make_unique<net::ScriptedTransport>();
      transport->when("*", "http").respond(int(options.size()));
      return transport;
    };
  }
};

int number_for(RegistryTransports& transports, const std::string& url) {
  net::HttpRequest request;
  request.url = url;
  return transports.send(request, {})->status;
}

RegistryHost host(const std::string& name, const std::string& ca_pem = {}, const std::string& proxy = {}) {
  RegistryHost out;
  out.host = name;
  out.ca_pem = ca_pem;
  out.proxy_url = proxy;
  return out;
}

}  // namespace

TEST_CASE("each host has the transport of its options, and equal options share one") {
  Made made;
  net::CurlOptions defaults;
  defaults.user_agent = "kintsugi";
  auto transports = RegistryTransports::make(
      defaults,
      {host("a.corp", "CA"), host("B.corp:5000", "CA"), host("c.corp", "", "http://proxy:3128"),
       host("d.corp", "CA", "http://proxy:3128"), host("e.corp"), host("[::1]:5000", "other")},
      made.maker());
  REQUIRE(transports);
  CHECK(made.options.size() == 5);
  CHECK(number_for(**transports, "https://elsewhere.io/v2/") == 1);
  CHECK(number_for(**transports, "https://a.corp/v2/x?y") == 2);
  CHECK(number_for(**transports, "https://A.corp:443/") == 2);
  CHECK(number_for(**transports, "http://a.corp/") == 2);
  CHECK(number_for(**transports, "https://b.corp:5000/") == 2);
  CHECK(number_for(**transports, "https://c.corp/") == 3);
  CHECK(number_for(**transports, "https://d.corp/") == 4);
  CHECK(number_for(**transports, "https://e.corp/") == 1);
  CHECK(number_for(**transports, "https://[::1]:5000/") == 5);
  CHECK(made.options[0].tls.ca_pem.empty());
  CHECK(made.options[1].tls.ca_pem == "CA");
  CHECK(made.options[1].proxy_url.empty());
  CHECK(made.options[3].proxy_url == "http://proxy:3128");
  for (const net::CurlOptions& options : made.options) CHECK(options.user_agent == "kintsugi");
}

TEST_CASE("other ports, names below and what is no URL have the defaults") {
  Made made;
  auto transports =
      RegistryTransports::make({}, {host("a.corp", "CA"), host("b.corp:5000", "CA")}, made.maker());
  REQUIRE(transports);
  for (const char* url : {"https://a.corp:5000/", "https://x.a.corp/", "https://a.corp.evil.io/",
                          "https://b.corp/", "http://b.corp/", "https://evil.io/?https://a.corp/"}) {
    INFO(url);
    CHECK(number_for(**transports, url) == 1);
  }
}

TEST_CASE("hosts that cannot be meant are refused") {
  Made made;
  for (const char* name : {"", "https://a.corp", "a.corp/", "a.corp/x", "u@a.corp", "*.corp",
                           "a.corp:", "a.corp:0", "a.corp:x", "a b", "a.corp?", "a.corp#"}) {
    INFO(name);
    CHECK_FALSE(RegistryTransports::make({}, {host(name)}, made.maker()));
  }
  CHECK_FALSE(RegistryTransports::make({}, {host("a.corp"), host("A.corp")}, made.maker()));
  CHECK_FALSE(RegistryTransports::make({}, {host("a.corp"), host("a.corp:443")}, made.maker()));
  for (const char* proxy : {"proxy:3128", "socks5://proxy", "http://u:hunter2@proxy", "http://"}) {
    const auto refused = RegistryTransports::make({}, {host("a.corp", "", proxy)}, made.maker());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().to_string().find("hunter2") == std::string::npos);
  }
  RegistryHost both = host("a.corp", "CA");
  both.ca_file = "trust/testdata";
  CHECK_FALSE(RegistryTransports::make({}, {both}, made.maker()));
  both.ca_pem.clear();
  both.ca_file = "/nonexistent/ca.pem";
  CHECK(RegistryTransports::make({}, {both}, made.maker()).error().code == ErrorCode::kNotFound);
  both.ca_file = "/dev/null";
  CHECK_FALSE(RegistryTransports::make({}, {both}, made.maker()));
  RegistryHost half = host("a.corp");
  half.certificate_pem = "certificate";
  CHECK_FALSE(RegistryTransports::make({}, {half}, made.maker()));
  half.certificate_pem.clear();
  half.key_pem = Secret("key");
  CHECK_FALSE(RegistryTransports::make({}, {half}, made.maker()));
}
