// SPDX-License-Identifier: Apache-2.0
#include "base/label_selector.h"

#include <algorithm>

namespace kintsugi {

std::string_view to_string(LabelRequirement::Operator op) {
  switch (op) {
    case LabelRequirement::Operator::kIn: return "In";
    case LabelRequirement::Operator::kNotIn: return "NotIn";
    case LabelRequirement::Operator::kExists: return "Exists";
    case LabelRequirement::Operator::kDoesNotExist: return "DoesNotExist";
  }
  return "Exists";
}

bool LabelRequirement::matches(const Labels& labels) const {
  const auto label = labels.find(key);
  const bool present = label != labels.end();
  const bool listed = present && std::find(values.begin(), values.end(), label->second) != values.end();
  switch (op) {
    case Operator::kIn: return listed;
    case Operator::kNotIn: return !listed;
    case Operator::kExists: return present;
    case Operator::kDoesNotExist: return !present;
  }
  return false;
}

bool LabelSelector::matches(const Labels& labels) const {
  const auto has = [&](const auto& wanted) {
    const auto label = labels.find(wanted.first);
    return label != labels.end() && label->second == wanted.second;
  };
  return std::all_of(match_labels.begin(), match_labels.end(), has) &&
         std::all_of(match_expressions.begin(), match_expressions.end(),
                     [&](const LabelRequirement& requirement) { return requirement.matches(labels); });
}

std::string LabelSelector::to_string() const {
  if (empty()) return "<all>";
  std::string text;
  const auto separate = [&] {
    if (!text.empty()) text += ',';
  };
  for (const auto& [key, value] : match_labels) {
    separate();
    text += key;
    text += '=';
    text += value;
  }
  for (const LabelRequirement& requirement : match_expressions) {
    separate();
    if (requirement.op == LabelRequirement::Operator::kDoesNotExist) text += '!';
    text += requirement.key;
    if (requirement.values.empty()) continue;
    text += requirement.op == LabelRequirement::Operator::kIn ? " in (" : " notin (";
    for (std::size_t i = 0; i < requirement.values.size(); ++i)
      text += (i == 0 ? "" : ",") + requirement.values[i];
    text += ')';
  }
  return text;
}

}  // namespace kintsugi
