// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace kintsugi;

TEST_CASE("a log line is one JSON object whatever the values hold") {
  ManualClock clock;
  std::string out;
  Logger log(clock, LogLevel::kInfo, [&](std::string_view line) { out += line; });
  log.debug("not written");
  log.warning("Contained \"web\"", {{"pod", "a\nb\x1b[0m\"}\\"}});
  REQUIRE(std::count(out.begin(), out.end(), '\n') == 1);
  const auto line = nlohmann::json::parse(out);
  CHECK(line["time"] == "2026-01-01T00:00:00.000000Z");
  CHECK(line["level"] == "warning");
  CHECK(line["message"] == "Contained \"web\"");
  CHECK(line["pod"] == "a\\nb\\x1b[0m\"}\\\\");
}
