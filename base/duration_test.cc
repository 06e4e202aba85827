// SPDX-License-Identifier: Apache-2.0
#include "base/duration.h"

#include <catch2/catch.hpp>

using namespace kintsugi;
using namespace std::chrono_literals;

TEST_CASE("durations are read with units from the largest to the smallest") {
  CHECK(*parse_duration("90d") == 90 * 24h);
  CHECK(*parse_duration("1h30m") == 90min);
  CHECK(*parse_duration("500ms") == 500ms);
  CHECK(*parse_duration("45") == 45s);
  CHECK(*parse_duration("2w1d") == 15 * 24h);
}

TEST_CASE("what is no duration is refused") {
  for (const char* text : {"", "d", "90x", "-5s", "0s", "30m1h", "1h1h", "5 s", "1.5h", "90d5",
                           "99999999999s", "9999999w", "\x1b[31m"}) {
    INFO(text);
    const auto parsed = parse_duration(text);
    REQUIRE(!parsed);
    CHECK(parsed.error().to_string().find('\x1b') == std::string::npos);
  }
}
