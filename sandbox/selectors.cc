// SPDX-License-Identifier: Apache-2.0
#include "sandbox/selectors.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sandbox/fields.h"

namespace kintsugi::sandbox {
namespace {

using Operator = LabelRequirement::Operator;

std::string field_text(const nlohmann::json& object, const std::string& path) {
  const std::size_t dot = path.find('.');
  return text(object, {path.substr(0, dot).c_str(), path.substr(dot + 1).c_str()});
}

/// Words and the marks ( ) , ! = of a label selector, one by one.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) { next(); }

  const std::string& token() const { return token_; }
  bool at_end() const { return token_.empty(); }
  bool is_word() const { return !at_end() && std::string_view("(),!=").find(token_[0]) == std::string_view::npos; }

  void next() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\t')) text_.remove_prefix(1);
    std::size_t length = std::min(text_.find_first_of("(),!= \t"), text_.size());
    if (length == 0 && !text_.empty()) length = text_.substr(0, 2) == "==" || text_.substr(0, 2) == "!=" ? 2 : 1;
    token_ = text_.substr(0, length);
    text_.remove_prefix(length);
  }

  bool take(std::string_view expected) {
    if (token_ != expected) return false;
    next();
    return true;
  }

  std::string take_word() {
    std::string word = is_word() ? token_ : std::string();
    if (is_word()) next();
    return word;
  }

 private:
  std::string_view text_;
  std::string token_;
};

Refusal unparsable(const Lexer& lexer, const std::string& expected) {
  return bad_request("unable to parse requirement: found '" + lexer.token() + "', expected: " + expected);
}

Answer<std::vector<std::string>> parse_values(Lexer& lexer) {
  if (!lexer.take("(")) return refuse(unparsable(lexer, "'('"));
  std::vector<std::string> values;
  do values.push_back(lexer.take_word());
  while (lexer.take(","));
  if (!lexer.take(")")) return refuse(unparsable(lexer, "',' or ')'"));
  return values;
}

Answer<LabelRequirement> parse_requirement(Lexer& lexer) {
  LabelRequirement requirement;
  const bool negated = lexer.take("!");
  requirement.op = negated ? Operator::kDoesNotExist : Operator::kExists;
  requirement.key = lexer.take_word();
  if (requirement.key.empty()) return refuse(unparsable(lexer, "!, identifier, or 'end of string'"));
  if (negated || lexer.at_end() || lexer.token() == ",") return requirement;
  const bool equal = lexer.take("=") || lexer.take("==");
  if (equal || lexer.take("!=")) {
    requirement.op = equal ? Operator::kIn : Operator::kNotIn;
    requirement.values.push_back(lexer.take_word());
    return requirement;
  }
  const bool in = lexer.take("in");
  if (!in && !lexer.take("notin")) return refuse(unparsable(lexer, "in, notin, =, ==, !=, gt, lt"));
  auto values = parse_values(lexer);
  if (!values) return refuse(std::move(values).error());
  requirement.op = in ? Operator::kIn : Operator::kNotIn;
  requirement.values = std::move(*values);
  return requirement;
}

bool is_known_field(const ResourceInfo& info, const std::string& name) {
  if (name == "metadata.name" || name == "metadata.namespace") return true;
  return info.resource == k8s::kPods && (name == "spec.nodeName" || name == "status.phase");
}

Answer<FieldRequirement> parse_field(const ResourceInfo& info, std::string_view part) {
  const std::size_t equals = part.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    const std::string shown(part);
    return refuse(bad_request("invalid selector: '" + shown + "'; can't understand '" + shown + "'"));
  }
  FieldRequirement requirement{std::string(part.substr(0, equals)), std::string(part.substr(equals + 1)), true};
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
  Lexer lexer(text);
  if (lexer.at_end()) return selector;
  do {
    auto requirement = parse_requirement(lexer);
    if (!requirement) return refuse(std::move(requirement).error());
    selector.match_expressions.push_back(std::move(*requirement));
  } while (lexer.take(","));
  if (!lexer.at_end()) return refuse(unparsable(lexer, "',' or 'end of string'"));
  return selector;
}

Answer<std::vector<FieldRequirement>> parse_field_selector(const ResourceInfo& info, std::string_view text) {
  std::vector<FieldRequirement> requirements;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    auto requirement = parse_field(info, text.substr(0, comma));
    if (!requirement) return refuse(std::move(requirement).error());
    requirements.push_back(std::move(*requirement));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return requirements;
}

}  // namespace kintsugi::sandbox
