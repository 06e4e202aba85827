// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/core/selector.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/escape.h"

namespace kintsugi::k8s {
namespace {

using Operator = LabelRequirement::Operator;

constexpr std::size_t kMaxEntries = 1000;

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_alphanumeric(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

/// 1 to 63 of [A-Za-z0-9._-], alphanumeric at both ends.
bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 63) return false;
  if (!is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

/// RFC 1123, lower case.
bool is_dns_subdomain(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view part = text.substr(0, dot);
    if (part.empty() || part.front() == '-' || part.back() == '-') return false;
    if (!std::all_of(part.begin(), part.end(), [](char c) { return is_lower_or_digit(c) || c == '-'; }))
      return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

tl::unexpected<Error> refuse(std::string message, const std::string& where) {
  return fail(make_error(ErrorCode::kInvalidInput, std::move(message)).on(where));
}

Result<Operator> parse_operator(const nlohmann::json& entry, const std::string& where) {
  const auto member = entry.find("operator");
  if (member == entry.end() || !member->is_string()) return refuse("'operator' must be a string", where);
  if (*member == "In") return Operator::kIn;
  if (*member == "NotIn") return Operator::kNotIn;
  if (*member == "Exists") return Operator::kExists;
  if (*member == "DoesNotExist") return Operator::kDoesNotExist;
  return refuse("unknown operator '" + escape(member->get<std::string>(), 64) + "'", where);
}

Result<std::vector<std::string>> parse_values(const nlohmann::json& entry, const std::string& where) {
  std::vector<std::string> values;
  const auto member = entry.find("values");
  if (member == entry.end() || member->is_null()) return values;
  if (!member->is_array() || member->size() > kMaxEntries) return refuse("'values' must be a list", where);
  for (const auto& value : *member) {
    if (!value.is_string() || !is_label_value(value.get_ref<const std::string&>())) {
      return refuse("'values' has an entry that is no label value", where);
    }
    values.push_back(value.get<std::string>());
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

Result<void> check_members(const nlohmann::json& object, std::initializer_list<std::string_view> known,
                           const std::string& where) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return refuse("unknown field '" + escape(key, 64) + "'", where);
    }
  }
  return {};
}

Result<LabelRequirement> parse_requirement(const nlohmann::json& entry, const std::string& where) {
  if (!entry.is_object()) return refuse("must be an object", where);
  if (auto known = check_members(entry, {"key", "operator", "values"}, where); !known)
    return fail(known.error());
  LabelRequirement requirement;
  const auto key = entry.find("key");
  if (key == entry.end() || !key->is_string() || !is_label_key(key->get_ref<const std::string&>())) {
    return refuse("'key' must be a label key", where);
  }
  requirement.key = key->get<std::string>();
  auto operation = parse_operator(entry, where);
  if (!operation) return fail(std::move(operation).error());
  requirement.op = *operation;
  auto values = parse_values(entry, where);
  if (!values) return fail(std::move(values).error());
  requirement.values = std::move(*values);
  const bool takes_values = *operation == Operator::kIn || *operation == Operator::kNotIn;
  if (takes_values == requirement.values.empty()) {
    return refuse(takes_values ? "'values' must not be empty" : "'values' must be empty", where);
  }
  return requirement;
}

Result<Labels> parse_match_labels(const nlohmann::json& selector) {
  Labels labels;
  const auto member = selector.find("matchLabels");
  if (member == selector.end() || member->is_null()) return labels;
  if (!member->is_object() || member->size() > kMaxEntries) return refuse("must be an object", "matchLabels");
  for (const auto& [key, value] : member->items()) {
    const bool good =
        is_label_key(key) && value.is_string() && is_label_value(value.get_ref<const std::string&>());
    if (!good) return refuse("'" + escape(key, 64) + "' has no valid key and value", "matchLabels");
    labels.emplace(key, value.get<std::string>());
  }
  return labels;
}

}  // namespace

bool is_label_key(std::string_view key) {
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return is_name(key);
  return is_dns_subdomain(key.substr(0, slash)) && is_name(key.substr(slash + 1));
}

bool is_label_value(std::string_view value) {
  return value.empty() || is_name(value);
}

std::string label_selector_query(const LabelSelector& selector) {
  return selector.empty() ? std::string() : selector.to_string();
}

Result<LabelSelector> parse_label_selector(const nlohmann::json& selector) {
  if (!selector.is_object()) return refuse("must be an object", "selector");
  if (auto known = check_members(selector, {"matchLabels", "matchExpressions"}, "selector"); !known) {
    return fail(known.error());
  }
  auto labels = parse_match_labels(selector);
  if (!labels) return fail(std::move(labels).error());
  LabelSelector parsed{std::move(*labels), {}};
  const auto expressions = selector.find("matchExpressions");
  if (expressions == selector.end() || expressions->is_null()) return parsed;
  if (!expressions->is_array() || expressions->size() > kMaxEntries)
    return refuse("must be a list", "matchExpressions");
  for (std::size_t i = 0; i < expressions->size(); ++i) {
    auto requirement = parse_requirement((*expressions)[i], "matchExpressions[" + std::to_string(i) + "]");
    if (!requirement) return fail(std::move(requirement).error());
    parsed.match_expressions.push_back(std::move(*requirement));
  }
  return parsed;
}

}  // namespace kintsugi::k8s
