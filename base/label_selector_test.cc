// SPDX-License-Identifier: Apache-2.0
#include "base/label_selector.h"

#include <catch2/catch.hpp>

using namespace kintsugi;
using Operator = LabelRequirement::Operator;

TEST_CASE("a selector matches as the API server's does") {
  struct Case {
    std::string name;
    LabelSelector selector;
    Labels labels;
    bool expected;
  };
  const auto c = GENERATE(values<Case>({
      {"empty matches everything", {}, {{"a", "b"}}, true},
      {"empty matches nothing labelled", {}, {}, true},
      {"label equal", {{{"a", "b"}}, {}}, {{"a", "b"}, {"c", "d"}}, true},
      {"label of another value", {{{"a", "b"}}, {}}, {{"a", "c"}}, false},
      {"label missing", {{{"a", "b"}}, {}}, {}, false},
      {"all labels are needed", {{{"a", "b"}, {"c", "d"}}, {}}, {{"a", "b"}}, false},
      {"In", {{}, {{"a", Operator::kIn, {"x", "y"}}}}, {{"a", "y"}}, true},
      {"In, absent", {{}, {{"a", Operator::kIn, {"x"}}}}, {}, false},
      {"NotIn, absent", {{}, {{"a", Operator::kNotIn, {"x"}}}}, {}, true},
      {"NotIn, listed", {{}, {{"a", Operator::kNotIn, {"x"}}}}, {{"a", "x"}}, false},
      {"Exists", {{}, {{"a", Operator::kExists, {}}}}, {{"a", ""}}, true},
      {"Exists, absent", {{}, {{"a", Operator::kExists, {}}}}, {}, false},
      {"DoesNotExist, absent", {{}, {{"a", Operator::kDoesNotExist, {}}}}, {}, true},
      {"DoesNotExist, present", {{}, {{"a", Operator::kDoesNotExist, {}}}}, {{"a", ""}}, false},
      {"labels and expressions", {{{"a", "b"}}, {{"c", Operator::kExists, {}}}}, {{"a", "b"}}, false},
  }));
  INFO(c.name);
  CHECK(c.selector.matches(c.labels) == c.expected);
}

TEST_CASE("a selector is shown in the API's text form") {
  CHECK(LabelSelector{}.to_string() == "<all>");
  const LabelSelector selector{
      {{"a", "b"}},
      {{"c", Operator::kIn, {"d", "e"}}, {"f", Operator::kDoesNotExist, {}}, {"g", Operator::kNotIn, {"h"}}}};
  CHECK(selector.to_string() == "a=b,c in (d,e),!f,g notin (h)");
}
