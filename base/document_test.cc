// SPDX-License-Identifier: Apache-2.0
#include "base/document.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

using kintsugi::ErrorCode;
using kintsugi::Node;
using kintsugi::parse_json;
using kintsugi::parse_json_document;

TEST_CASE("JSON: values keep their kind, order and position") {
  const auto root = parse_json_document("{\"b\": [1, 2.50, \"x\"],\n \"a\": {\"t\": true, \"n\": null}}");
  REQUIRE(root);
  REQUIRE(root->members.size() == 2);
  CHECK(root->members[0].key == "b");
  CHECK(root->find("b")->items[1].text == "2.50");
  CHECK(root->members[1].key_position.line == 2);
  CHECK(root->members[1].key_position.column == 2);
  CHECK(root->find("a")->find("t")->boolean);
  CHECK(root->find("a")->find("n")->kind == Node::Kind::kNull);
  CHECK(root->find("zz") == nullptr);
}

TEST_CASE("JSON: escapes are decoded, surrogate pairs joined") {
  const auto root = parse_json_document(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00")");
  REQUIRE(root);
  CHECK(root->text == "\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
}

TEST_CASE("JSON: what is not strict JSON is refused with its position") {
  struct Case {
    std::string name, text, expected;
  };
  const auto c = GENERATE(values<Case>({
      {"empty", "", "unexpected end"},
      {"blank", "  \n ", "line 2"},
      {"truncated object", "{\"a\":1", "unexpected end"},
      {"truncated string", "\"abc", "unterminated"},
      {"truncated escape", "\"\\", "unterminated"},
      {"trailing comma in array", "[1,]", "not a JSON value"},
      {"trailing comma in object", "{\"a\":1,}", "member's name"},
      {"missing colon", "{\"a\" 1}", "expected ':'"},
      {"missing comma", "[1 2]", "expected ',' or ']'"},
      {"key is no string", "{1:2}", "member's name"},
      {"repeated key", "{\"a\":1,\"a\":2}", "repeated key \"a\""},
      {"repeated key by escape", "{\"a\":1,\"\\u0061\":2}", "repeated key"},
      {"second value", "1 2", "text after"},
      {"comment", "/* */ 1", "not a JSON value"},
      {"single quotes", "'a'", "not a JSON value"},
      {"word", "nul", "not a JSON value"},
      {"capital word", "True", "not a JSON value"},
      {"NaN", "NaN", "not a JSON value"},
      {"leading zero", "012", "leading zero"},
      {"minus alone", "-", "not a JSON value"},
      {"plus", "+1", "not a JSON value"},
      {"point without digits", "1.", "after the point"},
      {"exponent without digits", "1e+", "exponent"},
      {"hex", "0x10", "text after"},
      {"control character", "\"a\nb\"", "control character"},
      {"lone high surrogate", "\"\\ud800\"", "lone surrogate"},
      {"lone low surrogate", "\"\\udc00\"", "lone surrogate"},
      {"high with a non-surrogate", "\"\\ud800\\u0041\"", "lone surrogate"},
      {"bad hex digit", "\"\\u00g0\"", "hexadecimal"},
      {"unknown escape", "\"\\x41\"", "unknown escape"},
      {"invalid UTF-8", "\"\xff\"", "invalid UTF-8"},
      {"overlong UTF-8", "\"\xc0\xaf\"", "invalid UTF-8"},
      {"UTF-8 surrogate", "\"\xed\xa0\x80\"", "invalid UTF-8"},
      {"byte order mark", "\xef\xbb\xbf{}", "not a JSON value"},
      {"NUL", std::string("\0", 1), "not a JSON value"},
  }));
  INFO(c.name);
  const auto root = parse_json_document(c.text);
  REQUIRE_FALSE(root);
  CHECK(root.error().code == ErrorCode::kInvalidInput);
  CHECK_THAT(root.error().message, Catch::Contains(c.expected));
  CHECK_THAT(root.error().message, Catch::Contains("line "));
}

TEST_CASE("JSON: repeated keys are found in large objects too") {
  std::string text = "{";
  for (int i = 0; i < 100; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  CHECK(parse_json_document(text + "\"x\":1}"));
  CHECK_FALSE(parse_json_document(text + "\"k3\":1}"));
  CHECK_FALSE(parse_json_document(text + "\"k99\":1}"));
}

TEST_CASE("JSON: size, depth and count are bounded") {
  kintsugi::DocumentLimits limits;
  limits.max_bytes = 300;
  limits.max_depth = 4;
  limits.max_nodes = 10;
  CHECK(parse_json_document("[[[[1]]]]", limits));
  CHECK(parse_json_document("[[[[[1]]]]]", limits).error().code == ErrorCode::kTooLarge);
  CHECK(parse_json_document("[1,2,3,4,5,6,7,8,9]", limits));
  CHECK(parse_json_document("[1,2,3,4,5,6,7,8,9,10]", limits).error().code == ErrorCode::kTooLarge);
  CHECK(parse_json_document("\"" + std::string(299, 'a') + "\"", limits).error().code ==
        ErrorCode::kTooLarge);
}

TEST_CASE("JSON: a number is judged only when it is used") {
  const auto root =
      parse_json_document(R"({"unused": 1e999, "big": 1767225600123456789, "whole": 5.0, "part": 0.5,
                                           "over": 9223372036854775808, "vague": 1e17, "text": "1"})");
  REQUIRE(root);
  CHECK(root->find("big")->as_integer().value() == 1767225600123456789);
  CHECK(root->find("whole")->as_integer().value() == 5);
  CHECK_FALSE(root->find("part")->as_integer());
  CHECK_FALSE(root->find("over")->as_integer());
  CHECK_FALSE(root->find("vague")->as_integer());
  CHECK_FALSE(root->find("text")->as_integer());
  CHECK_FALSE(root->find("unused")->as_integer());
  CHECK_FALSE(kintsugi::to_json(*root));
}

TEST_CASE("JSON: conversion keeps values exactly") {
  const std::string text = R"({"a":[1,-2,18446744073709551615,0.5,"x",null,true],"b":{}})";
  const auto value = parse_json(text);
  REQUIRE(value);
  CHECK(value->dump() == text);
  CHECK(kintsugi::to_json(kintsugi::from_json(*value)).value() == *value);
}

TEST_CASE("JSON: members that are not asked for are checked but not kept") {
  constexpr std::string_view kKeys[] = {"a", "in"};
  kintsugi::DocumentLimits limits;
  limits.max_nodes = 6;
  std::string zeros = "0";
  for (int i = 0; i < 1000; ++i) zeros += ",0";
  const auto root = kintsugi::parse_json_members(
      "{\"a\": 1, \"x\": [" + zeros + "], \"in\": {\"a\": [2, 3], \"y\": {\"a\": [" + zeros + "]}}}", kKeys,
      limits);
  REQUIRE(root);
  CHECK(root->find("a")->text == "1");
  CHECK(root->find("x")->kind == Node::Kind::kNull);
  CHECK(root->find("in")->find("a")->items.at(1).text == "3");
  CHECK(root->find("in")->find("y")->kind == Node::Kind::kNull);
  CHECK_FALSE(kintsugi::parse_json_members("{\"a\": [" + zeros + "]}", kKeys, limits));
}

TEST_CASE("JSON: members that are not asked for must be strict JSON too") {
  constexpr std::string_view kKeys[] = {"a"};
  const std::string text = GENERATE(as<std::string>(), R"({"x": 1, "x": 2})", R"({"x": {"y": 1, "y": 2}})",
                                    R"({"x": [{"y": 1, "y": 2}]})", R"({"x": [1,]})", "{\"x\": \"\xff\"}",
                                    R"({"x": 01})", R"({"x": nul})");
  INFO(text);
  CHECK_FALSE(kintsugi::parse_json_members(text, kKeys));
}
