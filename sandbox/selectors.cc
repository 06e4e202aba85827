// SPDX-License-Identifier: Apache-2.0
#include "sandbox/selectors.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/kubernetes_name.h"
#include "sandbox/fields.h"

namespace kintsugi::sandbox {
namespace {

using Operator = LabelRequirement::Operator;

std::string field_text(const nlohmann::json& object, const std::string& path) {
  const std::size_t dot = path.find('.');
  return text(object, {path.substr(0, dot).c_str(), path.substr(dot + 1).c_str()});
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

/// The parts between commas that are in no parentheses.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t start = 0;
  bool inside = false;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && (text[i] == '(' || text[i] == ')')) inside = text[i] == '(';
    if (i < text.size() && (text[i] != ',' || inside)) continue;
    parts.push_back(trim(text.substr(start, i - start)));
    start = i + 1;
  }
  return parts;
}

LabelRequirement parse_requirement(std::string_view part) {
  if (part.starts_with('!')) return {std::string(trim(part.substr(1))), Operator::kDoesNotExist, {}};
  const std::size_t equals = part.find('=');
  if (equals != std::string_view::npos && equals > 0) {
    const bool negated = part[equals - 1] == '!';
    const std::size_t value = part.find_first_not_of('=', equals);
    return {std::string(trim(part.substr(0, equals - (negated ? 1 : 0)))),
            negated ? Operator::kNotIn : Operator::kIn,
            {value == std::string_view::npos ? "" : std::string(trim(part.substr(value)))}};
  }
  const std::size_t open = part.find('(');
  if (open == std::string_view::npos || !part.ends_with(')'))
    return {std::string(part), Operator::kExists, {}};
  const std::string_view head = trim(part.substr(0, open));
  const bool negated = head.ends_with(" notin");
  if (!negated && !head.ends_with(" in")) return {};
  LabelRequirement requirement{
      std::string(trim(head.substr(0, head.rfind(' ')))), negated ? Operator::kNotIn : Operator::kIn, {}};
  for (const std::string_view value : split(part.substr(open + 1, part.size() - open - 2)))
    requirement.values.emplace_back(value);
  return requirement;
}

bool is_known_field(const ResourceInfo& info, const std::string& name) {
  if (name == "metadata.name" || name == "metadata.namespace") return true;
  if (info.resource == k8s::kCoreEvents) return name == "involvedObject.uid" || name == "involvedObject.name";
  return info.resource == k8s::kPods && (name == "spec.nodeName" || name == "status.phase");
}

Answer<FieldRequirement> parse_field(const ResourceInfo& info, std::string_view part) {
  const std::size_t equals = part.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    const std::string shown(part);
    return refuse(bad_request("invalid selector: '" + shown + "'; can't understand '" + shown + "'"));
  }
  FieldRequirement requirement{std::string(part.substr(0, equals)), std::string(part.substr(equals + 1)),
                               true};
  if (requirement.field.back() == '!') {
    requirement.equal = false;
    requirement.field.pop_back();
  } else if (!requirement.value.empty() && requirement.value.front() == '=') {
    requirement.value.erase(0, 1);
  }
  if (!is_known_field(info, requirement.field))
    return refuse(bad_request("field label not supported: " + requirement.field));
  return requirement;
}

}  // namespace

bool Selection::matches(const nlohmann::json& object) const {
  if (!name_space.empty() && namespace_of(object) != name_space) return false;
  const auto holds = [&](const FieldRequirement& requirement) {
    return (field_text(object, requirement.field) == requirement.value) == requirement.equal;
  };
  if (!std::all_of(fields.begin(), fields.end(), holds)) return false;
  return labels.empty() || labels.matches(labels_of(object));
}

Answer<LabelSelector> parse_label_selector(std::string_view text) {
  LabelSelector selector;
  if (trim(text).empty()) return selector;
  for (const std::string_view part : split(text)) {
    selector.match_expressions.push_back(parse_requirement(part));
    if (!is_label_key(selector.match_expressions.back().key))
      return refuse(bad_request("unable to parse requirement: " + std::string(part)));
  }
  return selector;
}

Answer<std::vector<FieldRequirement>> parse_field_selector(const ResourceInfo& info, std::string_view text) {
  std::vector<FieldRequirement> requirements;
  if (text.empty()) return requirements;
  for (const std::string_view part : split(text)) {
    auto requirement = parse_field(info, part);
    if (!requirement) return refuse(std::move(requirement).error());
    requirements.push_back(std::move(*requirement));
  }
  return requirements;
}

}  // namespace kintsugi::sandbox
