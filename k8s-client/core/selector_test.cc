// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/core/selector.h"

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

using namespace kintsugi;
using namespace kintsugi::k8s;

namespace {
Result<LabelSelector> parse(const std::string& text) {
  return parse_label_selector(nlohmann::json::parse(text));
}

std::string requirement(const std::string& body) {
  return R"({"matchExpressions":[{)" + body + "}]}";
}
}  // namespace

TEST_CASE("selectors match as Kubernetes matches") {
  struct Row {
    const char* selector;
    Labels labels;
    bool expected;
  };
  const std::string in = requirement(R"("key":"tier","operator":"In","values":["a","b"])");
  const std::string not_in = requirement(R"("key":"tier","operator":"NotIn","values":["a","b"])");
  const std::string exists = requirement(R"("key":"tier","operator":"Exists")");
  const std::string absent = requirement(R"("key":"tier","operator":"DoesNotExist","values":[])");
  const Row rows[] = {
      {"{}", {}, true},
      {"{}", {{"x", "y"}}, true},
      {R"({"matchLabels":{}})", {{"x", "y"}}, true},
      {R"({"matchLabels":null,"matchExpressions":null})", {}, true},
      {R"({"matchLabels":{"app":"web"}})", {{"app", "web"}, {"z", ""}}, true},
      {R"({"matchLabels":{"app":"web"}})", {{"app", "Web"}}, false},
      {R"({"matchLabels":{"app":"web"}})", {}, false},
      {R"({"matchLabels":{"app":""}})", {}, false},
      {R"({"matchLabels":{"app":""}})", {{"app", ""}}, true},
      {in.c_str(), {{"tier", "b"}}, true},
      {in.c_str(), {{"tier", "c"}}, false},
      {in.c_str(), {}, false},
      {not_in.c_str(), {{"tier", "b"}}, false},
      {not_in.c_str(), {{"tier", "c"}}, true},
      {not_in.c_str(), {}, true},
      {exists.c_str(), {{"tier", ""}}, true},
      {exists.c_str(), {}, false},
      {absent.c_str(), {}, true},
      {absent.c_str(), {{"tier", ""}}, false},
      {R"({"matchLabels":{"app":"web"},"matchExpressions":[{"key":"tier","operator":"Exists"}]})",
       {{"app", "web"}},
       false},
  };
  for (const Row& row : rows) {
    INFO(row.selector);
    const auto selector = parse(row.selector);
    REQUIRE(selector);
    CHECK(selector->matches(row.labels) == row.expected);
  }
}

TEST_CASE("the text form is what the API's query takes") {
  const auto selector = parse(R"({"matchLabels":{"b":"2","a":"1"},"matchExpressions":[
      {"key":"t/tier","operator":"In","values":["y","","x","x"]},{"key":"u","operator":"NotIn","values":["z"]},
      {"key":"v","operator":"Exists"},{"key":"w","operator":"DoesNotExist"}]})");
  REQUIRE(selector);
  CHECK(label_selector_query(*selector) == "a=1,b=2,t/tier in (,x,y),u notin (z),v,!w");
  CHECK(label_selector_query(LabelSelector()).empty());
}

TEST_CASE("what is no selector is refused, because a passed-over word would match too much") {
  const std::string selectors[] = {
      "null",
      "[]",
      "1",
      R"("app=web")",
      R"({"matchlabels":{}})",
      R"({"podSelector":{}})",
      R"({"matchLabels":[]})",
      R"({"matchLabels":{"app":1}})",
      R"({"matchLabels":{"app":null}})",
      R"({"matchLabels":{"":"x"}})",
      R"({"matchLabels":{"a b":"x"}})",
      R"({"matchLabels":{"app":"a,b"}})",
      R"({"matchLabels":{"app":"-a"}})",
      R"({"matchLabels":{"/app":"a"}})",
      R"({"matchLabels":{"A.b/app":"a"}})",
      R"({"matchLabels":{"app":")" + std::string(64, 'a') + "\"}}",
      R"({"matchExpressions":{}})",
      R"({"matchExpressions":[1]})",
      R"({"matchExpressions":[{}]})",
      requirement(R"("key":"a","operator":"Gt","values":["1"])"),
      requirement(R"("key":"a","operator":"in","values":["1"])"),
      requirement(R"("key":"a","operator":"In","values":[])"),
      requirement(R"("key":"a","operator":"In")"),
      requirement(R"("key":"a","operator":"NotIn","values":null)"),
      requirement(R"("key":"a","operator":"Exists","values":["x"])"),
      requirement(R"("key":"a","operator":"DoesNotExist","values":["x"])"),
      requirement(R"("key":"a","operator":"In","values":"x")"),
      requirement(R"("key":"a","operator":"In","values":[1])"),
      requirement(R"("key":"a","operator":"In","values":["a b"])"),
      requirement(R"("operator":"Exists")"),
      requirement(R"("key":"a")"),
      requirement(R"("key":"a","operator":"Exists","extra":1)"),
      requirement(R"("key":"a","operator":["Exists"])"),
  };
  for (const std::string& text : selectors) {
    INFO(text);
    const auto selector = parse(text);
    REQUIRE_FALSE(selector);
    CHECK(selector.error().code == ErrorCode::kInvalidInput);
    CHECK_FALSE(selector.error().object.empty());
  }
}

TEST_CASE("label keys and values follow the API's grammar") {
  for (const char* good : {"a", "A_b.c-D", "example.com/name", "a-b.c/x"}) CHECK(is_label_key(good));
  for (const char* bad :
       {"", "/", "a/", "/a", "a/b/c", "-a", "a-", "Example.com/x", "a..b/x", "-a.b/x", "é"}) {
    CHECK_FALSE(is_label_key(bad));
  }
  CHECK(is_label_key(std::string(253, 'a') + "/" + std::string(63, 'b')));
  CHECK_FALSE(is_label_key(std::string(254, 'a') + "/b"));
  CHECK(is_label_value(""));
  CHECK_FALSE(is_label_value("a b"));
}
