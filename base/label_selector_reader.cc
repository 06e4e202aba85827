// SPDX-License-Identifier: Apache-2.0
#include "base/label_selector_reader.h"

#include <fmt/format.h>

#include <utility>

#include "base/escape.h"
#include "base/kubernetes_name.h"

namespace kintsugi {
namespace {

void check_key(ObjectReader& reader, std::string_view member, const std::string& key) {
  if (!is_label_key(key)) reader.report(member, fmt::format("'{}' is no label key", escape(key, 64)));
}

void check_value(ObjectReader& reader, std::string_view member, const std::string& value) {
  if (!is_label_value(value)) reader.report(member, fmt::format("'{}' is no label value", escape(value, 64)));
}

LabelRequirement read_requirement(const Node& node, const std::string& path, ProblemList& problems) {
  using Operator = LabelRequirement::Operator;
  ObjectReader reader(node, path, {"key", "operator", "values"}, problems);
  LabelRequirement requirement;
  if (reader.string("key", requirement.key, Presence::kRequired)) check_key(reader, "key", requirement.key);
  const bool has_operator = reader.word("operator", requirement.op,
                                        {{"In", Operator::kIn},
                                         {"NotIn", Operator::kNotIn},
                                         {"Exists", Operator::kExists},
                                         {"DoesNotExist", Operator::kDoesNotExist}},
                                        Presence::kRequired);
  const bool values_are_read = !reader.member("values") || reader.strings("values", requirement.values);
  for (const std::string& value : requirement.values) check_value(reader, "values", value);
  const bool takes_values = requirement.op == Operator::kIn || requirement.op == Operator::kNotIn;
  if (has_operator && values_are_read && takes_values == requirement.values.empty()) {
    reader.report("values", fmt::format("operator {} {}", to_string(requirement.op),
                                        takes_values ? "needs values" : "takes no values"));
  }
  return requirement;
}

}  // namespace

bool read_label_selector(const Node& node, const std::string& path, LabelSelector& out,
                         ProblemList& problems) {
  const std::size_t problems_before = problems.count();
  ObjectReader reader(node, path, {"matchLabels", "matchExpressions"}, problems);
  LabelSelector selector;
  reader.string_map("matchLabels", selector.match_labels);
  for (const auto& [key, value] : selector.match_labels) {
    check_key(reader, "matchLabels", key);
    check_value(reader, "matchLabels", value);
  }
  if (const Node* const list = reader.array("matchExpressions")) {
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      selector.match_expressions.push_back(
          read_requirement(list->items[i], join_path(reader.path_of("matchExpressions"), i), problems));
    }
  }
  if (problems.count() != problems_before) return false;
  out = std::move(selector);
  return true;
}

}  // namespace kintsugi
