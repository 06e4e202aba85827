// SPDX-License-Identifier: Apache-2.0
#include "base/json_text.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using kintsugi::json_text;

TEST_CASE("JSON as text is one line, or indented") {
  const nlohmann::json value = {{"name", "web"}, {"ports", {80, 443}}};
  CHECK(json_text(value) == R"({"name":"web","ports":[80,443]})");
  CHECK(json_text(nlohmann::json::object({{"a", 1}}), 2) == "{\n  \"a\": 1\n}");
}

TEST_CASE("bytes that are no UTF-8 do not keep JSON from becoming text") {
  CHECK(json_text("a\xff\xc3") == "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
  CHECK(json_text(nlohmann::json::object({{"\xe2\x82", true}})) == "{\"\xef\xbf\xbd\":true}");
}
