// SPDX-License-Identifier: Apache-2.0
#include "trust/attestation/condition.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <thread>

#include "base/file.h"

using namespace kintsugi;
using namespace kintsugi::trust;

namespace {

/// What cel-go was asked about, too: tests/vectors/conditions.
const Node& table() {
  static const Node kTable =
      parse_json_document(read_file("trust/testdata/conditions.json", 1 << 20).value()).value();
  return kTable;
}

Bindings table_bindings() {
  return {*table().find("predicate"), table().find("predicateType")->text, *table().find("subject"),
          parse_rfc3339(table().find("now")->text).value()};
}

Node json(const std::string& text) {
  return parse_json_document(text, {.max_bytes = 16 << 20, .max_nodes = 1'000'000}).value();
}

Result<bool> evaluate(const std::string& condition, const Node& predicate) {
  const auto parsed = Condition::parse(condition);
  INFO((parsed ? "" : parsed.error().message));
  REQUIRE(parsed);
  const Node subject = json("[]");
  return parsed->evaluate({predicate, "https://example.com/t", subject, WallTime()});
}

std::string why(const std::string& condition, const std::string& predicate) {
  const auto value = evaluate(condition, json(predicate));
  return value ? "has a value" : value.error().message;
}

std::string repeat(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("conditions have the values of CEL, and no others") {
  std::map<std::string, int> seen;
  for (const Node& row : table().find("conditions")->items) {
    const std::string& text = row.find("condition")->text;
    const Node& expect = *row.find("expect");
    const Node& cel = *row.find("cel");
    INFO(text);
    const auto condition = Condition::parse(text);
    if (expect.text == "syntax" || expect.text == "unsupported") {
      ++seen[expect.text];
      REQUIRE_FALSE(condition);
      CHECK(condition.error().code == ErrorCode::kInvalidInput);
      CHECK(condition.error().message.starts_with("position "));
      continue;
    }
    INFO((condition ? "" : condition.error().message));
    REQUIRE(condition);
    const auto value = condition->evaluate(table_bindings());
    INFO((value ? (*value ? "true" : "false") : value.error().message));
    if (expect.kind == Node::Kind::kBoolean) {
      ++seen[expect.boolean ? "true" : "false"];
      REQUIRE(value);
      CHECK(*value == expect.boolean);
      CHECK(cel.kind == Node::Kind::kBoolean);
      CHECK(cel.boolean == expect.boolean);
    } else {
      ++seen["error"];
      REQUIRE_FALSE(value);
      CHECK(value.error().code == ErrorCode::kInvalidInput);
    }
  }
  CHECK(seen["true"] > 150);
  CHECK(seen["false"] > 50);
  CHECK(seen["error"] > 150);
  CHECK(seen["syntax"] > 60);
  CHECK(seen["unsupported"] > 60);
}

TEST_CASE("errors of conditions say where and what") {
  const auto parse_error = [](const std::string& text) { return Condition::parse(text).error().message; };
  CHECK(parse_error("predicate.a = 1") == "position 13: '=' has no meaning here");
  CHECK(parse_error("") == "position 1: expected a value, found the end");
  CHECK(parse_error("1 == foo.bar").starts_with("position 6: unknown variable 'foo'"));
  CHECK(parse_error("now.getFullYear() == 1") == "position 5: 'getFullYear()' is not supported here");
  CHECK(parse_error("predicate.a + 1") == "position 1: this is neither true nor false");
  CHECK(parse_error("predicate.a in [1u]") == "position 17: unsigned integers are not supported");
  CHECK(parse_error("true || 'a'.matches('(')").starts_with("position 13: no pattern that RE2 understands"));

  CHECK(why("predicate.a.b.c == 1", R"({"a":{"b":{}}})") ==
        "'predicate.a.b.c': 'predicate.a.b' has no member 'c'");
  CHECK(why("predicate.a.b == 1", R"({"a":"x"})") ==
        "'predicate.a.b': 'predicate.a' is a string and has no members");
  CHECK(why("predicate.a[2] == 1", R"({"a":[1]})") == "'predicate.a[2]': there are 1 items");
  CHECK(why("predicate.a", R"({"a":"x"})") == "is a string, not true or false");
  CHECK(why("predicate.a < 1", R"({"a":"x"})") == "'predicate.a < 1': string and int have no order");
  CHECK(why("timestamp(predicate.a) < now", "{\"a\":\"\\u001b[31m\\u202e\"}").find('\x1b') ==
        std::string::npos);
}

TEST_CASE("the size and the depth of conditions are bounded") {
  CHECK(Condition::parse("true" + std::string(kMaxConditionBytes - 4, ' ')));
  CHECK(Condition::parse("true" + std::string(kMaxConditionBytes - 3, ' ')).error().code ==
        ErrorCode::kTooLarge);
  CHECK(Condition::parse(repeat("(", 31) + "true" + repeat(")", 31)));
  for (const std::string& deep :
       {repeat("(", 32) + "true" + repeat(")", 32), repeat("(", 4000), repeat("[", 4000),
        repeat("!", 4000) + "true", repeat("-", 4000) + "1 == 1", "predicate" + repeat(".a", 2000) + " == 1",
        "predicate" + repeat("[0]", 1300) + " == 1", "1" + repeat(" + 1", 33) + " == 1",
        repeat("true ? true : ", 290) + "true", repeat("[1].all(x, ", 33) + "true" + repeat(")", 33),
        "1" + repeat(" == 1", 40), repeat("size(", 800)}) {
    INFO(deep.substr(0, 40));
    const auto condition = Condition::parse(deep);
    REQUIRE_FALSE(condition);
    CHECK(condition.error().message.find("nested deeper than 32 levels") != std::string::npos);
  }
  // A long chain is not deep.
  CHECK(evaluate("true" + repeat(" && true", 500), json("{}")).value());
  CHECK_FALSE(evaluate("false" + repeat(" || false", 400), json("{}")).value());
}

TEST_CASE("an evaluation takes a bounded number of steps") {
  const Node many = json("{\"a\":[" + repeat("1,", 9'999) + "1]}");
  CHECK(evaluate("predicate.a.all(x, x == 1)", many).value());
  std::string keys;
  for (int i = 0; i < 20'000; ++i) keys += fmt::format("\"k{}\":1,", i);
  const Node wide = json("{" + keys + "\"last\":1}");
  CHECK(evaluate("predicate.last == 1", wide).value());
  const std::string mebibyte(1 << 20, 'a');
  const Node large = json("{\"a\":\"" + mebibyte + "\",\"b\":\"b" + std::string(1 << 19, 'a') + "\"}");
  CHECK_FALSE(evaluate("predicate.a.contains(predicate.b)", large).value());

  const std::pair<const Node&, const char*> expensive[] = {
      {many, "predicate.a.all(x, predicate.a.all(y, x == y))"},
      {many, "predicate.a.all(x, predicate.a.all(y, x == y)) || true"},
      {many, "!predicate.a.all(x, predicate.a.all(y, x == y)) || true"},
      {many, "predicate.a.exists_one(x, predicate.a.exists(y, y == 2))"},
      {many, "predicate.a.map(x, predicate.a.map(y, y)).size() == 0"},
      {many, "predicate.a.all(x, predicate.a == predicate.a)"},
      {many, "predicate.a.all(x, !(2 in predicate.a))"},
      {many, "predicate.a.all(x, (predicate.a + predicate.a).size() == 20000)"},
      {many, "predicate.a.all(x, x.missing == 1 || predicate.a.exists(y, y.missing == 1)) || true"},
      {wide, "predicate.all(k, predicate[k] == 1)"},
      {wide, "predicate == predicate"},
      {large, "[1,2,3,4,5,6,7,8].all(x, !predicate.a.contains(predicate.b))"},
      {large, "[1,2].all(x, predicate.a.matches('(a*)*b|a{100}c') == false)"},
      {large, "[1,2,3,4,5,6,7,8].all(x, predicate.a == predicate.a && size(predicate.a) > 1)"},
      {large, "predicate.a + 'a' == 'a'"},
      {large, "predicate.a + 'a' == 'a' || true"},
      {large, "false && true || predicate.b + predicate.a != ''"},
  };
  for (const auto& [node, text] : expensive) {
    INFO(text);
    const auto value = evaluate(text, node);
    REQUIRE_FALSE(value);
    CHECK(value.error().code == ErrorCode::kTooLarge);
  }
}

TEST_CASE("a condition is evaluated by several threads at once") {
  const auto condition =
      Condition::parse("predicate.names.all(n, n.matches('^[a-z]+$')) && predicateType.size() > 0").value();
  std::vector<std::thread> threads;
  std::atomic<int> met = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) met += condition.evaluate(table_bindings()).value() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(met == 400);
}
