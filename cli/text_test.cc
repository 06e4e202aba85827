// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "cli/document_text.h"
#include "cli/duration_text.h"
#include "cli/table.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

TEST_CASE("ages have one unit") {
  CHECK(format_age(5s) == "5s");
  CHECK(format_age(119s) == "119s");
  CHECK(format_age(2min) == "2m");
  CHECK(format_age(2h) == "2h");
  CHECK(format_age(48h) == "2d");
  CHECK(format_age(-5s) == "0s");
}

TEST_CASE("columns line up, also in later pieces, and colours do not count") {
  Table table({"NAME", "AGE"});
  table.add({{"a-long-name", Tone::kBad}, {"1s"}});
  CHECK(table.take_text(true, false) == "NAME          AGE\na-long-name   1s\n");
  table.add({{"b", Tone::kBad}, {"2s"}});
  CHECK(table.take_text(false, true) == "\x1b[31mb\x1b[0m             2s\n");
  table.add({{"né"}, {"3s"}});
  CHECK(table.take_text(false, false) == "né            3s\n");
}

TEST_CASE("YAML comes back as what it was") {
  const json values = {
      {"plain", "shop/web-1"},
      {"empty", ""},
      {"null", nullptr},
      {"list", {1, "two", {{"three", 3}, {"four", json::array()}}, json::array({"x", "y"}), json::object()}},
      {"lookalikes", {"true", "null", "~",  "12",  "1e3", "0x1F", "yes", "on", "- x",
                      "a: b", "a #b", "#c", "'q'", "\"",  "*a",   "&a",  "!t", "2026-01-01T00:00:00Z",
                      " x",   "x ",   "x:", "[",   "{",   "%",    "@",   "`",  "|",
                      ">",    "?",    "-"}},
      {"unsafe", "\x1b[31mred\x7f\x01\n\t\\ \xc2\x9b \xe2\x80\xae"},
      {"beyond", "\xf0\x9f\x98\x80 \\ud83d"},
      {"key: with #", true},
      {"numbers", {1, -5, 1.5, 18446744073709551615ull}},
  };
  const std::string text = to_yaml_text(values);
  INFO(text);
  const auto read = parse_yaml_document(text);
  REQUIRE(read);
  CHECK(*to_json(*read) == values);
  for (const char c : text) CHECK((c == '\n' || (c >= ' ' && c <= '~')));
}

TEST_CASE("YAML looks as kubectl prints it") {
  CHECK(to_yaml_text({{"items", {{{"name", "a"}, {"on", "x"}}, 2}}, {"kind", "List"}}) ==
        "items:\n- name: a\n  \"on\": x\n- 2\nkind: List\n");
  CHECK(to_yaml_text(json::object()) == "{}\n");
}

TEST_CASE("JSON is ASCII and comes back as what it was") {
  const json value = {{"a", "\x1b]0;x\x07 \xe2\x80\xae \x7f"}};
  const std::string text = to_json_text(value);
  for (const char c : text) CHECK((c == '\n' || (c >= ' ' && c <= '~')));
  CHECK(json::parse(text) == value);
}

TEST_CASE("a line of JSON keeps its meaning, is cut where it is long, and is escaped where it is no JSON") {
  CHECK(to_json_line(R"([ {"op":"test"} ])", 100) == R"([{"op":"test"}])");
  CHECK(to_json_line(R"({"a":"0123456789"})", 8) == R"({"a":"01…)");
  CHECK(to_json_line("\x1b[2J{", 100) == "\\x1b[2J{");
}

}  // namespace
}  // namespace kintsugi::cli
