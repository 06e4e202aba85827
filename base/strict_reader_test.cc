// SPDX-License-Identifier: Apache-2.0
#include "base/strict_reader.h"

#include <catch2/catch.hpp>
#include <string>

#include "base/label_selector_reader.h"

using namespace kintsugi;

namespace {

Node yaml(const std::string& text) {
  auto node = parse_yaml_document(text);
  REQUIRE(node);
  return std::move(*node);
}

enum class Colour { kRed, kGreen };

struct Values {
  std::string name = "unset";
  bool flag = false;
  std::int64_t count = 7;
  std::vector<std::string> list;
  std::map<std::string, std::string, std::less<>> map;
  Colour colour = Colour::kRed;
};

std::vector<Problem> read(const std::string& text, Values& out) {
  const Node node = yaml(text);
  ProblemList problems("a.yaml");
  ObjectReader reader(node, "spec", {"name", "flag", "count", "list", "map", "colour"}, problems);
  reader.string("name", out.name, Presence::kRequired, {.max_bytes = 8});
  reader.boolean("flag", out.flag);
  reader.integer("count", out.count, {0, 100});
  reader.strings("list", out.list, Presence::kOptional, {.max_bytes = 4, .max_count = 2});
  reader.string_map("map", out.map, Presence::kOptional, {.max_bytes = 4, .max_count = 2});
  reader.word("colour", out.colour, {{"red", Colour::kRed}, {"green", Colour::kGreen}});
  return problems.all();
}

}  // namespace

TEST_CASE("Strict reader: right values are read") {
  Values out;
  CHECK(read("{name: x, flag: true, count: 100, list: [a, b], map: {k: v}, colour: green}", out).empty());
  CHECK(out.name == "x");
  CHECK(out.flag);
  CHECK(out.count == 100);
  CHECK(out.list == std::vector<std::string>{"a", "b"});
  CHECK(out.map.at("k") == "v");
  CHECK(out.colour == Colour::kGreen);
}

TEST_CASE("Strict reader: a null is absent and leaves the default") {
  Values out;
  CHECK(read("{name: x, flag: ~, count: ~, list: ~, colour: ~}", out).empty());
  CHECK(out.count == 7);
}

TEST_CASE("Strict reader: each wrong value is named with place, expectation and suggestion") {
  struct Case {
    std::string text, expected;
  };
  const auto c = GENERATE(values<Case>({
      {"{}", "a.yaml:1:1: spec: 'name' is required"},
      {"name: ~", "a.yaml:1:1: spec: 'name' is required"},
      {"name: 12", "a.yaml:1:7: spec.name: expected a string, found number 12; put it in quotes"},
      {"name: yes\nnaem: x", "a.yaml:2:1: spec: unknown key 'naem'; did you mean 'name'?"},
      {"name: x\nNAME: x", "unknown key 'NAME'; did you mean 'name'?"},
      {"name: x\nzzz: x", "unknown key 'zzz'; known keys: name, flag, count, list, map, colour"},
      {"name: x\n\"\\e[31m\": x", "unknown key '\\x1b[31m'"},
      {"name: 123456789x", "spec.name: 10 bytes, at most 8 are allowed"},
      {"{name: x, flag: 'true'}", "spec.flag: expected true or false, found string 'true'"},
      {"{name: x, flag: yes}", "spec.flag: expected true or false, found string 'yes'"},
      {"{name: x, count: -1}", "spec.count: expected an integer from 0 to 100, found -1"},
      {"{name: x, count: 101}", "from 0 to 100, found 101"},
      {"{name: x, count: 1.5}", "from 0 to 100, found 1.5"},
      {"{name: x, count: 1e999}", "from 0 to 100, found 1e999"},
      {"{name: x, count: '5'}", "spec.count: expected a number, found string '5'"},
      {"{name: x, list: a}", "spec.list: expected a list, found string 'a'"},
      {"{name: x, list: [a, 1]}", "spec.list[1]: expected a string, found number 1"},
      {"{name: x, list: [a, ~]}", "spec.list[1]: expected a string, found nothing"},
      {"{name: x, list: [a, b, c]}", "spec.list: 3 entries, at most 2 are allowed"},
      {"{name: x, list: [abcde]}", "spec.list[0]: 5 bytes, at most 4 are allowed"},
      {"{name: x, map: [a]}", "spec.map: expected an object, found a list"},
      {"{name: x, map: {a.b/c: 1}}", "spec.map[\"a.b/c\"]: expected a string, found number 1"},
      {"{name: x, map: {a: a, b: b, c: c}}", "spec.map: 3 entries"},
      {"{name: x, colour: grene}",
       "spec.colour: expected one of red, green; found 'grene'; did you mean 'green'?"},
      {"{name: x, colour: blue}", "found 'blue'"},
      {"[]", "a.yaml:1:1: spec: expected an object, found a list"},
      {"x", "spec: expected an object, found string 'x'"},
  }));
  Values out;
  const auto problems = read(c.text, out);
  INFO(c.text);
  REQUIRE(problems.size() == 1);
  CHECK_THAT(problems[0].to_string(), Catch::Contains(c.expected));
  CHECK(out.count == 7);
}

TEST_CASE("Strict reader: all problems are collected, in order, and bounded") {
  Values out;
  const auto problems = read("{flag: 1, count: x, other: 1}", out);
  REQUIRE(problems.size() == 4);
  CHECK(problems[0].message == "unknown key 'other'");
  ProblemList list("p");
  for (int i = 0; i < 200; ++i) list.add({}, "a", "wrong");
  CHECK(list.all().size() == ProblemList::kMost);
  CHECK(list.to_error().to_string() == "p:1:1: a: wrong (and 199 more problems)");
}

TEST_CASE("Strict reader: problems of API objects have no position") {
  ProblemList list("playbook kintsugi-system/a", ProblemList::Positions::kUnknown);
  list.add({}, "spec.mode", "wrong", "be right");
  CHECK(list.all()[0].to_string() == "playbook kintsugi-system/a: spec.mode: wrong; be right");
}

TEST_CASE("Strict reader: suggestions are made only for what is close") {
  CHECK(suggest("contian", {"contain", "collect"}) == "did you mean 'contain'?");
  CHECK(suggest("Contain", {"contain", "collect"}) == "did you mean 'contain'?");
  CHECK(suggest("verfy", {"verify", "release"}) == "did you mean 'verify'?");
  CHECK(suggest("destroy", {"verify", "release"}).empty());
  CHECK(suggest("", {"a", "verify"}) == "did you mean 'a'?");
  CHECK(suggest(std::string(100'000, 'a'), {"a"}).empty());
}

TEST_CASE("Label selectors are read") {
  const Node node = yaml(
      "matchLabels: {kintsugi.dev/protected: \"true\"}\n"
      "matchExpressions: [{key: a, operator: In, values: [b, c]}, {key: d, operator: Exists}]\n");
  ProblemList problems("s");
  LabelSelector selector;
  REQUIRE(read_label_selector(node, "selector", selector, problems));
  CHECK(selector.to_string() == "kintsugi.dev/protected=true,a in (b,c),d");
}

TEST_CASE("Label selectors that the API server would refuse are refused") {
  struct Case {
    std::string text, expected;
  };
  const auto c = GENERATE(values<Case>({
      {"matchLabel: {a: b}", "unknown key 'matchLabel'; did you mean 'matchLabels'?"},
      {"matchLabels: {a: true}", "s.matchLabels.a: expected a string, found true; put it in quotes"},
      {"matchLabels: {a b: c}", "'a b' is no label key"},
      {"matchLabels: {a: b c}", "'b c' is no label value"},
      {"matchExpressions: [{operator: Exists}]", "s.matchExpressions[0]: 'key' is required"},
      {"matchExpressions: [{key: a}]", "'operator' is required"},
      {"matchExpressions: [{key: a, operator: in, values: [b]}]", "did you mean 'In'?"},
      {"matchExpressions: [{key: a, operator: In}]", "operator In needs values"},
      {"matchExpressions: [{key: a, operator: NotIn, values: []}]", "operator NotIn needs values"},
      {"matchExpressions: [{key: a, operator: Exists, values: [b]}]", "operator Exists takes no values"},
      {"matchExpressions: [{key: /, operator: Exists}]", "'/' is no label key"},
      {"matchExpressions: {key: a}", "expected a list, found an object"},
      {"[]", "expected an object"},
  }));
  const Node node = yaml(c.text);
  ProblemList problems("x");
  LabelSelector selector;
  INFO(c.text);
  CHECK_FALSE(read_label_selector(node, "s", selector, problems));
  CHECK(selector.empty());
  REQUIRE(problems.all().size() == 1);
  CHECK_THAT(problems.all()[0].to_string(), Catch::Contains(c.expected));
}
