// SPDX-License-Identifier: Apache-2.0
#include "targets/isolation/ip_network.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace kintsugi::isolation;

namespace {

IpNetwork network(const std::string& text) {
  const auto parsed = parse_ip_network(text);
  INFO(text);
  REQUIRE(parsed);
  return *parsed;
}

std::vector<IpNetwork> networks(const std::vector<std::string>& texts) {
  std::vector<IpNetwork> all;
  for (const std::string& text : texts) all.push_back(network(text));
  return all;
}

}  // namespace

TEST_CASE("an IP block is read into its canonical form") {
  struct Case {
    std::string text, expected;
  };
  const auto c = GENERATE(values<Case>({
      {"10.0.0.0/8", "10.0.0.0/8"},
      {"10.1.2.3/8", "10.0.0.0/8"},
      {"10.1.2.255/25", "10.1.2.128/25"},
      {"0.0.0.0/0", "0.0.0.0/0"},
      {"255.255.255.255/0", "0.0.0.0/0"},
      {"192.168.001.010/32", "192.168.1.10/32"},
      {"10.0.0.0/08", "10.0.0.0/8"},
      {"::/0", "::/0"},
      {"2001:DB8::1/32", "2001:db8::/32"},
      {"fe80::1/128", "fe80::1/128"},
      {"::ffff:10.0.0.1/128", "::ffff:10.0.0.1/128"},
  }));
  CHECK(network(c.text).to_string() == c.expected);
}

TEST_CASE("what is no IP block is refused") {
  const std::string text = GENERATE(values<std::string>({"",
                                                         "/",
                                                         "10.0.0.0",
                                                         "10.0.0.0/",
                                                         "/8",
                                                         "10.0.0.0/33",
                                                         "10.0.0.0/-1",
                                                         "10.0.0.0/8/8",
                                                         "10.0.0/8",
                                                         "10.0.0.0.0/8",
                                                         "10.0.0.256/8",
                                                         "10..0.0/8",
                                                         "10.0.0.a/8",
                                                         "0x10.0.0.0/8",
                                                         " 10.0.0.0/8",
                                                         "10.0.0.0/8 ",
                                                         "10.0.0.0/+8",
                                                         "::/129",
                                                         ":::/8",
                                                         "fe80::1%eth0/64",
                                                         "example.com/8",
                                                         "10.0.0.0/00008",
                                                         std::string("10.0.0.0\0/8", 11)}));
  CAPTURE(text);
  CHECK_FALSE(parse_ip_network(text));
}

TEST_CASE("a block contains its parts and itself, never another family's") {
  struct Case {
    std::string outer, inner;
    bool expected;
  };
  const auto c = GENERATE(values<Case>({
      {"10.0.0.0/8", "10.255.0.0/16", true},
      {"10.0.0.0/8", "10.0.0.0/8", true},
      {"10.0.0.0/8", "0.0.0.0/0", false},
      {"10.0.0.0/8", "11.0.0.0/16", false},
      {"10.0.0.0/9", "10.128.0.0/16", false},
      {"0.0.0.0/0", "255.255.255.255/32", true},
      {"0.0.0.0/0", "::/0", false},
      {"::/0", "0.0.0.0/0", false},
      {"2001:db8::/33", "2001:db8:8000::/40", false},
      {"2001:db8::/32", "2001:db8:8000::/40", true},
  }));
  CAPTURE(c.outer, c.inner);
  CHECK(network(c.outer).contains(network(c.inner)) == c.expected);
}

TEST_CASE("a block is covered when no address is left") {
  struct Case {
    std::string name, whole;
    std::vector<std::string> parts;
    bool expected;
  };
  const auto c = GENERATE(values<Case>({
      {"nothing", "10.0.0.0/8", {}, false},
      {"itself", "10.0.0.0/8", {"10.0.0.0/8"}, true},
      {"more", "10.0.0.0/8", {"0.0.0.0/0"}, true},
      {"one half", "0.0.0.0/0", {"0.0.0.0/1"}, false},
      {"both halves", "0.0.0.0/0", {"128.0.0.0/1", "0.0.0.0/1"}, true},
      {"halves and quarters", "10.0.0.0/8", {"10.0.0.0/9", "10.128.0.0/10", "10.192.0.0/10"}, true},
      {"a quarter is missing", "10.0.0.0/8", {"10.0.0.0/9", "10.192.0.0/10"}, false},
      {"overlapping", "10.0.0.0/8", {"10.0.0.0/9", "10.64.0.0/10", "10.128.0.0/9"}, true},
      {"one address is missing", "10.0.0.0/30", {"10.0.0.0/31", "10.0.0.2/32"}, false},
      {"each address", "10.0.0.0/30", {"10.0.0.0/32", "10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32"}, true},
      {"single address", "10.0.0.1/32", {"10.0.0.1/32"}, true},
      {"other family", "0.0.0.0/0", {"::/0"}, false},
      {"IPv6 halves", "::/0", {"::/1", "8000::/1"}, true},
      {"IPv6, one address", "::/0", {"::1/128"}, false},
  }));
  INFO(c.name);
  CHECK(is_covered(network(c.whole), networks(c.parts)) == c.expected);
}
