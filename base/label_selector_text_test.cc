// SPDX-License-Identifier: Apache-2.0
#include "base/label_selector_text.h"

#include <catch2/catch.hpp>

using namespace kintsugi;

TEST_CASE("the text form of a selector is read as the API server reads it") {
  struct Case {
    std::string text;
    Labels labels;
    bool matches;
  };
  const auto c = GENERATE(values<Case>({
      {"", {}, true},
      {"  ", {{"a", "b"}}, true},
      {"a=b", {{"a", "b"}}, true},
      {"a==b", {{"a", "b"}}, true},
      {" a = b , c = d ", {{"a", "b"}, {"c", "d"}}, true},
      {"kintsugi.dev/target-uid=0af1-22", {{"kintsugi.dev/target-uid", "0af1-22"}}, true},
      {"a=", {{"a", ""}}, true},
      {"a=", {{"a", "b"}}, false},
      {"a=b", {{"a", "c"}}, false},
      {"a=b,c=d", {{"a", "b"}}, false},
      {"a!=b", {}, true},
      {"a!=b", {{"a", "b"}}, false},
      {"a", {{"a", "x"}}, true},
      {"a", {}, false},
      {"!a", {}, true},
      {"! a", {{"a", "x"}}, false},
      {"a in (b, c)", {{"a", "c"}}, true},
      {"a in (b,c),d", {{"a", "c"}}, false},
      {"a notin (b,c)", {{"a", "c"}}, false},
      {"a notin(b)", {}, true},
  }));
  INFO(c.text);
  const auto selector = parse_label_selector(c.text);
  REQUIRE(selector);
  CHECK(selector->matches(c.labels) == c.matches);
}

TEST_CASE("what is no selector is refused") {
  const auto text = GENERATE(values<std::string>(
      {",",    "a=b,", ",a=b",   "a=b,,c=d", "=b",      "!",          "!=b",       "a=b=c",        "a=b c",
       "a b",  "a in", "a in b", "a in (b",  "a in b)", "a in ((b))", "a in (b)c", "a within (b)", "a_/b/c=d",
       "a=-b", "-a=b", "a=\xff", "a>1",      "a=b\n",   "a in (b;c)", "a notin ",  "(a)",          "a=(b)"}));
  INFO(text);
  const auto selector = parse_label_selector(text);
  REQUIRE_FALSE(selector);
  CHECK(selector.error().code == ErrorCode::kInvalidInput);
}

TEST_CASE("a selector that is too long is refused") {
  const auto selector = parse_label_selector(std::string(5000, 'a'));
  REQUIRE_FALSE(selector);
  CHECK(selector.error().code == ErrorCode::kTooLarge);
}
