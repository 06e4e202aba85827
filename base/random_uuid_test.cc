// SPDX-License-Identifier: Apache-2.0
#include "base/random_uuid.h"

#include <catch2/catch.hpp>
#include <regex>
#include <set>

using namespace kintsugi;

TEST_CASE("a random UUID has version 4 and its variant, and is another each time") {
  const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  std::set<std::string> seen;
  for (int i = 0; i < 64; ++i) {
    const auto uuid = random_uuid();
    REQUIRE(uuid);
    CHECK(std::regex_match(*uuid, form));
    CHECK(seen.insert(*uuid).second);
  }
}
