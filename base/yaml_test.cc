// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "base/document.h"

using kintsugi::ErrorCode;
using kintsugi::Node;
using kintsugi::parse_yaml_document;
using kintsugi::parse_yaml_documents;

namespace {

std::string as_json(const std::string& yaml) {
  const auto node = parse_yaml_document(yaml);
  INFO(yaml);
  REQUIRE(node);
  return kintsugi::to_json(*node).value().dump();
}

}  // namespace

TEST_CASE("YAML: values keep their kind, order and position") {
  const auto root = parse_yaml_document("b:\n  - 1\n  - x\na: {t: true, n: ~}\n");
  REQUIRE(root);
  REQUIRE(root->members.size() == 2);
  CHECK(root->members[0].key == "b");
  const Node& item = root->find("b")->items.at(1);
  CHECK(item.position.line == 3);
  CHECK(item.position.column == 5);
  CHECK(root->members[1].key_position.line == 4);
  CHECK(root->members[1].key_position.column == 1);
  CHECK(root->find("a")->find("t")->boolean);
}

TEST_CASE("YAML: scalars mean what the 1.2 core schema says") {
  struct Case {
    std::string yaml, json;
  };
  const auto c = GENERATE(values<Case>({
      {"", "null"},
      {"~", "null"},
      {"Null", "null"},
      {"true", "true"},
      {"FALSE", "false"},
      {"tRue", "\"tRue\""},
      {"yes", "\"yes\""},
      {"no", "\"no\""},
      {"on", "\"on\""},
      {"off", "\"off\""},
      {"y", "\"y\""},
      {"12", "12"},
      {"-12", "-12"},
      {"+12", "12"},
      {"0o17", "15"},
      {"0x1F", "31"},
      {"0b1", "\"0b1\""},
      {"0o8", "\"0o8\""},
      {"1_000", "\"1_000\""},
      {"0", "0"},
      {"1.5", "1.5"},
      {".5", "0.5"},
      {"-.5", "-0.5"},
      {"5.", "5.0"},
      {"1e3", "1000.0"},
      {"+1.e2", "100.0"},
      {".", "\".\""},
      {"1e", "\"1e\""},
      {"1.2.3", "\"1.2.3\""},
      {"'12'", "\"12\""},
      {"\"true\"", "\"true\""},
      {"!!str 12", "\"12\""},
      {"30%", "\"30%\""},
      {"2026-01-01", "\"2026-01-01\""},
      {"12:30:45", "\"12:30:45\""},
      {"18446744073709551615", "18446744073709551615"},
      {"0xFFFFFFFFFFFFFFFF", "18446744073709551615"},
      {"|\n  a\n  b\n", "\"a\\nb\\n\""},
      {">-\n  a\n  b\n", "\"a b\""},
      {"a: |\n  x", "{\"a\":\"x\"}"},
      {"a: |\n  x\n", "{\"a\":\"x\\n\"}"},
      {"a: |-\n  x\n\n", "{\"a\":\"x\"}"},
      {"a: |+\n  x\n\n", "{\"a\":\"x\\n\\n\"}"},
      {"a: 1\n...", "{\"a\":1}"},
      {"a: 1 # c\n", "{\"a\":1}"},
      {"\"a\\u00e9\\n\"", "\"a\u00e9\\n\""},
      {"a:\n", "{\"a\":null}"},
      {"{a: [1, b], c: {}}", "{\"a\":[1,\"b\"],\"c\":{}}"},
      {"on: 1", "{\"on\":1}"},
      {"a: 1\r\nb: 2\r\n", "{\"a\":1,\"b\":2}"},
      {"\xEF\xBB\xBFz: 1", "{\"z\":1}"},
      {"--- # c\na: 1\n...\n", "{\"a\":1}"},
  }));
  CHECK(as_json(c.yaml) == c.json);
}

TEST_CASE("YAML: what is outside the subset is refused with its position") {
  struct Case {
    std::string name, text, expected;
  };
  const auto c = GENERATE(values<Case>({
      {"tab indentation of a key", "a:\n\tb: 1\n", "line 2, column 1: tab in the indentation"},
      {"tab indentation of a value", "a:\n  \tb\n", "line 2, column 3: tab"},
      {"tab before a list", "a:\n\t- 1\n", "line 2, column 1: tab"},
      {"repeated key", "a: 1\nb: 2\na: 3\n", "line 3, column 1: repeated key \"a\""},
      {"repeated key in a flow map", "{a: 1, \"a\": 2}", "line 1, column 8: repeated key"},
      {"number as a key", "1: a", "line 1, column 1: a key must be a string, found number; quote it"},
      {"boolean as a key", "true: a", "found boolean"},
      {"null as a key", "~: a", "found null"},
      {"list as a key", "[a]: b", "found array"},
      {"map as a key", "? {a: b}\n: c", "found object"},
      {"alias", "a: &x 1\nb: *x\n", "line 1, column 4: anchors are not supported"},
      {"alias of nothing", "b: *x\n", "line 1, column 4"},
      {"anchor", "a: &x {b: 1}", "anchors are not supported"},
      {"billion laughs", "a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", "anchors are not supported"},
      {"merge key", "<<: {a: 1}", "merge keys are not supported"},
      {"unknown tag", "a: !custom 1", "tag '!custom' is not supported"},
      {"binary tag", "a: !!binary aGk=", "is not supported"},
      {"integer tag", "a: !!int 5", "is not supported"},
      {"tag on a map", "!x {a: 1}", "tag '!x' is not supported"},
      {"tag on a list", "!!set [a]", "is not supported"},
      {"object constructor", "!!python/object/apply:os.system ['true']", "is not supported"},
      {"leading zero", "a: 0644", "line 1, column 4: 0644 has a leading zero"},
      {"leading zero with sign", "a: -012", "leading zero"},
      {"infinity", "a: .inf", "not a number that can be used"},
      {"not a number", "a: .NaN", "not a number that can be used"},
      {"hexadecimal over 64 bits", "a: 0x10000000000000000", "beyond 64 bits"},
      {"octal over 64 bits", "a: 0o7777777777777777777777", "beyond 64 bits"},
      {"second document", "a: 1\n---\nb: 2\n", "line 3, column 1: a second document"},
      {"text after the end", "{a: 1} {b: 2}", "text after the end of the document"},
      {"unclosed list", "a: [1, 2", "line "},
      {"unclosed map", "{a: 1", "line "},
      {"unclosed quotes", "a: \"x", "a quoted text without its closing quote"},
      {"unclosed quotes before a line", "a: \"x\nb: 1\n",
       "line 3, column 1: a quoted text without its closing"},
      {"unclosed quotes before a blank", "a: 'x\n  ", "a quoted text without its closing quote"},
      {"wrong indentation", "a:\n    b: 1\n  c: 2\n", "line "},
      {"two values", "a: b: c", "line 1"},
      {"unknown escape", "a: \"\\q\"", "line 1"},
      {"surrogate escape", "a: \"\\ud800\"", "line 1"},
      {"reserved character", "a: `b`", "line 1"},
      {"unknown directive version", "%YAML 2.0\n---\na: 1\n", "line 1"},
      {"invalid UTF-8", "a: 1\nb: \xff\n", "line 2, column 1: invalid UTF-8"},
      {"UTF-16", std::string("\xff\xfez\0:\0", 6), "invalid UTF-8"},
      {"NUL", std::string("a: b\0c", 6), "line 1, column 5: control character"},
      {"escape character", "a: \x1b[31m", "control character"},
      {"JSON with a tail", "{\"a\": 1}}", "line 1"},
  }));
  INFO(c.name);
  const auto root = parse_yaml_document(c.text);
  REQUIRE_FALSE(root);
  CHECK(root.error().code == ErrorCode::kInvalidInput);
  CHECK_THAT(root.error().message, Catch::Contains(c.expected));
}

TEST_CASE("YAML: size, depth and count are bounded") {
  kintsugi::DocumentLimits limits;
  limits.max_bytes = 300;
  limits.max_depth = 4;
  limits.max_nodes = 10;
  CHECK(parse_yaml_document("[[[[1]]]]", limits));
  CHECK(parse_yaml_document("[[[[[1]]]]]", limits).error().code == ErrorCode::kTooLarge);
  CHECK(parse_yaml_document("a:\n b:\n  c:\n   d:\n    e: 1\n", limits).error().code == ErrorCode::kTooLarge);
  CHECK(parse_yaml_document("[1,2,3,4,5,6,7,8,9]", limits));
  CHECK(parse_yaml_document("[1,2,3,4,5,6,7,8,9,10]", limits).error().code == ErrorCode::kTooLarge);
  CHECK(parse_yaml_document("# " + std::string(300, 'a'), limits).error().code == ErrorCode::kTooLarge);
  CHECK(parse_yaml_documents("[1,2,3,4,5]\n---\n[1,2,3,4,5]\n", limits).error().code == ErrorCode::kTooLarge);
}

TEST_CASE("YAML: nesting as deep as the size allows is an error, not a crash") {
  for (const char* const piece : {"[", "{a: ", "- ", "? "}) {
    std::string text;
    while (text.size() < 500'000) text += piece;
    INFO(piece);
    CHECK_FALSE(parse_yaml_document(text));
  }
}

TEST_CASE("YAML: documents of one text are told apart, empty ones left out") {
  const auto documents = parse_yaml_documents("---\na: 1\n---\n# nothing\n---\nb: 2\n...\n---\nc: 3\n");
  REQUIRE(documents);
  REQUIRE(documents->size() == 3);
  CHECK(documents->at(1).members[0].key == "b");
  CHECK(documents->at(2).position.line == 9);
  CHECK(parse_yaml_documents("")->empty());
  CHECK(parse_yaml_documents("# only a comment\n")->empty());
  CHECK_FALSE(parse_yaml_documents("a: 1\n---\n\tb: 2\n"));
}
