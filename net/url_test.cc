// SPDX-License-Identifier: Apache-2.0
#include "net/url.h"

#include <catch2/catch.hpp>

namespace kintsugi::net {

TEST_CASE("a URL is taken apart", "[url]") {
  struct Case {
    const char* text;
    const char* authority;
    const char* host_header;
    const char* target;
  };
  const Case cases[] = {
      {"http://a", "a:80", "a", "/"},
      {"https://a", "a:443", "a", "/"},
      {"https://a:443/", "a:443", "a", "/"},
      {"http://a:443/x", "a:443", "a:443", "/x"},
      {"https://api.example-1.com:6443/api/v1?watch=1", "api.example-1.com:6443", "api.example-1.com:6443",
       "/api/v1?watch=1"},
      {"http://a?x=1", "a:80", "a", "/?x=1"},
      {"https://[::1]:6443/x", "[::1]:6443", "[::1]:6443", "/x"},
      {"http://[fe80::1%25eth0]/", "[fe80::1%25eth0]:80", "[fe80::1%25eth0]", "/"},
      {"http://a/%2e%2e/b", "a:80", "a", "/%2e%2e/b"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const Result<Url> url = parse_url(c.text);
    REQUIRE(url.has_value());
    CHECK(url->authority() == c.authority);
    CHECK(url->host_header() == c.host_header);
    CHECK(url->target == c.target);
  }
}

TEST_CASE("what is no plain http URL is refused", "[url]") {
  for (const char* text : {"",
                           "a",
                           "ftp://a/",
                           "HTTP://a/",
                           "http:/a",
                           "http://",
                           "http:///x",
                           "http://a:/",
                           "http://a:0/",
                           "http://a:65536/",
                           "http://a:-1/",
                           "http://a:80x/",
                           "http://user@a/",
                           "http://u:p@a/",
                           "http://a b/",
                           "http://a/\r\nX: y",
                           "http://a/#part",
                           "http://[::1/",
                           "http://[::1]x/",
                           "http://[]/",
                           "http://a/\xc3\xa9",
                           "http://a\\b/",
                           "http://a\"b/"}) {
    INFO(text);
    const Result<Url> url = parse_url(text);
    REQUIRE_FALSE(url.has_value());
    CHECK(url.error().code == ErrorCode::kInvalidInput);
    CHECK_FALSE(url.error().advice.empty());
  }
}

}  // namespace kintsugi::net
