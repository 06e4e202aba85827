// SPDX-License-Identifier: Apache-2.0
#include "base/kubernetes_name.h"

#include <catch2/catch.hpp>
#include <string>

using namespace kintsugi;

TEST_CASE("Names: what the API server accepts") {
  CHECK(is_dns_label("shop"));
  CHECK(is_dns_label("7"));
  CHECK(is_dns_label(std::string(63, 'a')));
  CHECK(is_dns_subdomain("web-7d9c6b9f5b-x2x4z"));
  CHECK(is_dns_subdomain("kube-proxy.node-1.example.com"));
  CHECK(is_dns_subdomain(std::string(253, 'a')));
  CHECK(is_label_key("app"));
  CHECK(is_label_key("kintsugi.dev/protected"));
  CHECK(is_label_key("a/B_c.d-e"));
  CHECK(is_label_value(""));
  CHECK(is_label_value("V1.2_x"));
}

TEST_CASE("Names: what it refuses") {
  const std::string text = GENERATE(as<std::string>(), "", "-a", "a-", "A", "a_b", "a b", "a\n", "\x1b[31m",
                                    "ä", "a/b", ".", "a..b", ".a", "a.", "a.-b", std::string("a\0b", 3));
  INFO(text);
  CHECK_FALSE(is_dns_label(text));
  CHECK_FALSE(is_dns_subdomain(text));
}

TEST_CASE("Names: lengths are bounded") {
  CHECK_FALSE(is_dns_label(std::string(64, 'a')));
  CHECK_FALSE(is_dns_label("a.b"));
  CHECK_FALSE(is_dns_subdomain(std::string(254, 'a')));
  CHECK_FALSE(is_label_key(std::string(64, 'a')));
  CHECK_FALSE(is_label_value(std::string(64, 'a')));
}

TEST_CASE("Names: label keys and values that are refused") {
  const std::string key =
      GENERATE(as<std::string>(), "", "/", "a/", "/a", "a/b/c", "A.example/b", "_a", "a_", "a b");
  INFO(key);
  CHECK_FALSE(is_label_key(key));
  CHECK_FALSE(is_label_value("-a"));
  CHECK_FALSE(is_label_value("a/b"));
  CHECK_FALSE(is_label_value("a\n"));
}
