// SPDX-License-Identifier: Apache-2.0
#include "base/machine_name.h"

#include <catch2/catch.hpp>
#include <string>

using namespace kintsugi;

TEST_CASE("Machines: a UUID is compared in one form") {
  CHECK(normal_uuid("6B1F0C2E-1A2B-4C3D-8E9F-0123456789aB") == "6b1f0c2e-1a2b-4c3d-8e9f-0123456789ab");
  const std::string text = GENERATE(
      as<std::string>(), "", "6b1f0c2e1a2b4c3d8e9f0123456789ab", "6b1f0c2e-1a2b-4c3d-8e9f-0123456789a",
      "6b1f0c2e-1a2b-4c3d-8e9f-0123456789abc", "6b1f0c2e-1a2b-4c3d-8e9f-0123456789ag",
      "6b1f0c2e 1a2b 4c3d 8e9f 0123456789ab", "{6b1f0c2e-1a2b-4c3d-8e9f-0123456789}",
      "6b1f0c2e-1a2b-4c3d-8e9f-0123456789\n1", "GPU-c2e-1a2b-4c3d-8e9f-0123456789abcd");
  INFO(text);
  CHECK_FALSE(normal_uuid(text));
}

TEST_CASE("Machines: a MAC address is compared in one form") {
  CHECK(normal_mac("52:54:00:AA:bb:0C") == "52:54:00:aa:bb:0c");
  const std::string text =
      GENERATE(as<std::string>(), "", "52:54:00:aa:bb", "52-54-00-aa-bb-cc", "52:54:00:aa:bb:cg",
               "52:54:00:aa:bb:cc ", "5254.00aa.bbcc", "525400aabbcc");
  INFO(text);
  CHECK_FALSE(normal_mac(text));
}

TEST_CASE("Machines: a MAC address of no single card is known as such") {
  CHECK(is_shared_mac("00:00:00:00:00:00"));
  CHECK(is_shared_mac("ff:ff:ff:ff:ff:ff"));
  CHECK(is_shared_mac("01:00:5e:00:00:01"));
  CHECK(is_shared_mac("33:33:00:00:00:01"));
  CHECK_FALSE(is_shared_mac("52:54:00:aa:bb:cc"));
  CHECK_FALSE(is_shared_mac("00:16:3e:00:00:01"));
}

TEST_CASE("Machines: an address is compared in one form") {
  struct Case {
    std::string text, normal;
  };
  const auto c = GENERATE(values<Case>({{"192.0.2.7", "192.0.2.7"},
                                        {"::ffff:192.0.2.7", "192.0.2.7"},
                                        {"::FFFF:c000:0207", "192.0.2.7"},
                                        {"2001:DB8:0:0::0007", "2001:db8::7"},
                                        {"2001:db8::7", "2001:db8::7"},
                                        {"FE80::1", "fe80::1"}}));
  INFO(c.text);
  CHECK(normal_address(c.text) == c.normal);
}

TEST_CASE("Machines: what is no address") {
  const std::string text =
      GENERATE(as<std::string>(), "", "localhost", "192.0.2", "192.0.2.256", "192.0.2.07", "192.0.2.7:80",
               "192.0.2.7/24", " 192.0.2.7", "192.0.2.7\n", std::string("192.0.2.7\0x", 11), "[2001:db8::7]",
               "2001:db8::7%eth0", "2001:db8::7/64", "2001:db8:::7", "0x7f000001", "3221225991",
               std::string(100, '1'));
  INFO(text);
  CHECK_FALSE(normal_address(text));
}

TEST_CASE("Machines: an address of no single machine is known as such") {
  const std::string shared = GENERATE(as<std::string>(), "0.0.0.0", "127.0.0.1", "127.9.9.9", "224.0.0.1",
                                      "239.255.255.250", "255.255.255.255", "::", "::1", "ff02::1");
  INFO(shared);
  CHECK(is_shared_address(shared));
  CHECK_FALSE(is_shared_address("192.0.2.7"));
  CHECK_FALSE(is_shared_address("10.0.0.255"));
  CHECK_FALSE(is_shared_address("2001:db8::7"));
  CHECK_FALSE(is_shared_address("fe80::1"));
}
