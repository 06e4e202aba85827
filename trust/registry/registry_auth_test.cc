// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_auth.h"

#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "trust/crypto/reasons.h"
#include "trust/registry/registry_credentials.h"

using namespace kintsugi;
using namespace kintsugi::trust;

namespace {

std::optional<Challenge> challenge_of(const std::string& header) {
  net::Headers headers;
  headers.add("www-authenticate", header);
  return find_challenge(headers);
}

std::string hop(const std::string& from, const std::string& to, bool allow_http = false) {
  const auto result =
      check_next_hop(parse_server_url(from).value(), parse_server_url(to).value(), allow_http);
  return result ? "allowed" : result.error().reason;
}

Result<RegistryCredentials> credentials(const std::string& json) {
  return RegistryCredentials::parse(Secret(json));
}

std::string user_for(const RegistryCredentials& credentials, const std::string& image) {
  const auto* found = credentials.find(ImageReference::parse(image).value());
  return found == nullptr ? "nobody" : found->username;
}

}  // namespace

TEST_CASE("URLs from registries are taken apart strictly") {
  const net::Url url = parse_server_url("https://R.io:5000/a/b?c=d").value();
  CHECK(url.tls);
  CHECK(url.authority() == "r.io:5000");
  CHECK(url.host == "r.io");
  CHECK(url.target == "/a/b?c=d");
  CHECK(parse_server_url("http://[::1]:80").value().host == "::1");
  CHECK(to_string(parse_server_url("https://r.io?x=1").value()) == "https://r.io/?x=1");
  const std::string bad =
      GENERATE("", "r.io/a", "ftp://r.io/", "HTTPS://r.io/", "https://", "https:///a", "https://u:p@r.io/",
               "https://r.io/a b", "https://r.io/\r\nX: y", "https://r.io/a#b", "https://r.io\\@e.io/",
               "//r.io/a", "file:///etc/passwd", "https://r.io/\xc3\xa9");
  INFO(bad);
  CHECK_FALSE(parse_server_url(bad));
}

TEST_CASE("locations are absolute or a path on the same server") {
  const net::Url from = parse_server_url("https://r.io/v2/a?b").value();
  CHECK(to_string(resolve_location(from, "/x?y").value()) == "https://r.io/x?y");
  CHECK(to_string(resolve_location(from, "https://cdn.io/x").value()) == "https://cdn.io/x");
  CHECK_FALSE(resolve_location(from, "//cdn.io/x"));
  CHECK_FALSE(resolve_location(from, "x"));
  CHECK_FALSE(resolve_location(from, ""));
}

TEST_CASE("only written-out loopback addresses are loopback") {
  for (const char* host : {"localhost", "127.0.0.1", "127.1.2.3", "::1"}) CHECK(is_loopback(host));
  for (const char* host :
       {"", "localhost.evil.io", "127.evil.io", "127.0.0.1.evil.io", "127.0.0", "127...", "127.0.0.",
        "10.0.0.1", "[::]", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433", "local"}) {
    INFO(host);
    CHECK_FALSE(is_loopback(host));
  }
}

TEST_CASE("servers may send us on only to where it is no less safe") {
  CHECK(hop("https://r.io/", "https://cdn.io/") == "allowed");
  CHECK(hop("http://127.0.0.1:5000/", "http://127.0.0.1:6000/") == "allowed");
  CHECK(hop("http://localhost/", "https://r.io/") == "allowed");
  CHECK(hop("http://10.0.0.1/", "http://10.0.0.2/", true) == "allowed");
  CHECK(hop("http://10.0.0.1/", "http://10.0.0.2/") == reason::kPlainHttpRefused);
  CHECK(hop("http://127.0.0.1/", "http://r.io/") == reason::kPlainHttpRefused);
  CHECK(hop("https://r.io/", "http://r.io/") == reason::kRedirectRefused);
  CHECK(hop("https://r.io/", "http://r.io/", true) == reason::kRedirectRefused);
  CHECK(hop("https://r.io/", "https://127.0.0.1:6443/") == reason::kRedirectRefused);
  CHECK(hop("https://r.io/", "https://localhost/", true) == reason::kRedirectRefused);
}

TEST_CASE("challenges are read in the forms that registries send") {
  const auto bearer = challenge_of(
      R"(Bearer realm="https://auth.io/token?x=1",service="registry, \"one\"",scope="repository:a:pull,push")");
  REQUIRE(bearer);
  CHECK(bearer->bearer);
  CHECK(bearer->realm == "https://auth.io/token?x=1");
  CHECK(bearer->service == "registry, \"one\"");
  CHECK(challenge_of(R"(bearer Realm="https://a.io/", error=invalid_token)")->realm == "https://a.io/");
  CHECK_FALSE(challenge_of(R"(Basic realm="r")")->bearer);
  CHECK_FALSE(challenge_of("Basic")->bearer);
  net::Headers both;
  both.add("WWW-Authenticate", R"(Basic realm="r")");
  both.add("WWW-Authenticate", R"(Bearer realm="https://a.io/")");
  CHECK(find_challenge(both)->bearer);
}

TEST_CASE("challenges that are not understood are none") {
  const std::string header =
      GENERATE("", "Digest realm=\"r\"", "Negotiate", "Bearer realm=\"https://a.io",
               "Bearer realm=", "Bearer =\"x\"", "Bearer realm=\"a\\", "Bearer realm:\"a\"", "\"Bearer\"");
  INFO(header);
  CHECK_FALSE(challenge_of(header));
  CHECK_FALSE(find_challenge({}));
  CHECK_FALSE(challenge_of("Bearer realm=\"" + std::string(9000, 'a') + "\""));
}

TEST_CASE("tokens are read from both fields, and live a minute unless said otherwise") {
  CHECK(parse_token(R"({"token":"abc"})").value().text.reveal() == "abc");
  CHECK(parse_token(R"({"access_token":"abc","expires_in":300})").value().lifetime ==
        std::chrono::seconds(300));
  CHECK(parse_token(R"({"token":"abc"})").value().lifetime == std::chrono::seconds(60));
  CHECK(parse_token(R"({"token":"abc","expires_in":-5})").value().lifetime == std::chrono::seconds(60));
  CHECK(parse_token(R"({"token":"abc","expires_in":99999999999})").value().lifetime == std::chrono::hours(1));
  const std::string bad =
      GENERATE("", "abc", "{}", R"({"token":""})", R"({"token":1})", R"({"token":"a b"})",
               R"({"token":"a\r\nX-Evil: 1"})", R"({"token":"\u00e9"})", R"({"token":"a","token":"b"})");
  INFO(bad);
  const auto token = parse_token(bad);
  REQUIRE_FALSE(token);
  CHECK(token.error().reason == reason::kRegistryProtocol);
  CHECK_FALSE(parse_token(R"({"token":")" + std::string(20'000, 'a') + "\"}"));
}

TEST_CASE("the most specific credentials are found") {
  const auto found = credentials(R"({"auths":{
    "https://index.docker.io/v1/": {"username":"hub","password":"p"},
    "r.io": {"auth":")" + base64_encode("host:a:b") +
                                 R"("},
    "r.io/shop": {"username":"shop","password":"p","email":"e","auth":""},
    "r.io/shop/web": {"username":"web","password":"p"},
    "https://r2.io/v2/": {"username":"two","password":"p"}},
    "credsStore":"x"})");
  REQUIRE(found);
  CHECK(user_for(*found, "nginx") == "hub");
  CHECK(user_for(*found, "r.io/a") == "host");
  CHECK(found->find(ImageReference::parse("r.io/a").value())->secret.reveal() == "a:b");
  CHECK(user_for(*found, "r.io/shop/a") == "shop");
  CHECK(user_for(*found, "r.io/shop/web") == "web");
  CHECK(user_for(*found, "r.io/shop/web2") == "shop");
  CHECK(user_for(*found, "r.io/shopping/web") == "host");
  CHECK(user_for(*found, "r.io:5000/a") == "nobody");
  CHECK(user_for(*found, "r.io.evil.io/a") == "nobody");
  CHECK(user_for(*found, "r2.io/a") == "two");
}

TEST_CASE("credentials that cannot be read are an error that does not repeat them") {
  const std::string bad = GENERATE(
      "", "{}", "[]", R"({"auths":[]})", R"({"auths":{"r.io":{}}})",
      R"({"auths":{"r.io":{"auth":"hunter2"}}})", R"({"auths":{"r.io":{"auth":"aHVudGVyMg=="}}})",
      R"({"auths":{"r.io":{"username":"u"}}})", R"({"auths":{"r.io":{"password":"hunter2"}}})",
      R"({"auths":{"r.io":{"username":"a:b","password":"hunter2"}}})",
      R"({"auths":{"r.io":{"identitytoken":"hunter2 "}}})",
      R"({"auths":{"r.io":{"registrytoken":"hunter2\n"}}})", R"({"auths":{"r.io":{}},"credHelpers":{}})",
      R"({"auths":{"r.io":{"username":"hunter2"}},"credsStore":"x"})", R"({"credsStore":"hunter2/"})",
      R"({"credsStore":["hunter2"]})", R"({"credHelpers":["hunter2"]})",
      R"({"credHelpers":{"r.io":"hunter2;id"}})", R"({"auths":[],"credsStore":"x"})",
      R"({"auths":{"r.io":"hunter2"}})", R"({"auths":{"r.io":{"auth":"hunter2)");
  INFO(bad);
  const auto found = credentials(bad);
  REQUIRE_FALSE(found);
  CHECK_THAT(found.error().to_string(), !Catch::Contains("unter2"));
}
