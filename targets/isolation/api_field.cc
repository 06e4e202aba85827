// SPDX-License-Identifier: Apache-2.0
#include "targets/isolation/api_field.h"

#include <array>
#include <utility>

#include "base/escape.h"

namespace kintsugi::isolation {
namespace {

using Operator = LabelRequirement::Operator;

std::optional<Operator> parse_operator(std::string_view word) {
  constexpr std::array kOperators{Operator::kIn, Operator::kNotIn, Operator::kExists,
                                  Operator::kDoesNotExist};
  for (const Operator op : kOperators) {
    if (to_string(op) == word) return op;
  }
  return std::nullopt;
}

}  // namespace

ApiField::ApiField(const Node& root, std::optional<Error>& first_error) : ApiField(&root, "", &first_error) {}

ApiField::ApiField(const Node* node, std::string path, std::optional<Error>* first_error)
    : node_(node != nullptr && node->kind == Node::Kind::kNull ? nullptr : node),
      path_(std::move(path)),
      first_error_(first_error) {}

void ApiField::refuse(std::string_view what) const {
  if (*first_error_) return;
  *first_error_ =
      make_error(ErrorCode::kInvalidInput, (path_.empty() ? "" : path_ + ": ") + std::string(what));
}

bool ApiField::holds(Node::Kind kind) const {
  if (!present()) return false;
  if (node_->kind == kind) return true;
  refuse("expected " + std::string(kind_name(kind)) + ", found " + std::string(kind_name(node_->kind)));
  return false;
}

ApiField ApiField::member(std::string_view key) const {
  return {holds(Node::Kind::kObject) ? node_->find(key) : nullptr,
          path_.empty() ? std::string(key) : path_ + "." + std::string(key), first_error_};
}

std::vector<std::string> ApiField::keys() const {
  std::vector<std::string> keys;
  if (!holds(Node::Kind::kObject)) return keys;
  for (const Node::Member& entry : node_->members) keys.push_back(entry.key);
  return keys;
}

std::vector<ApiField> ApiField::items() const {
  std::vector<ApiField> fields;
  if (!holds(Node::Kind::kArray)) return fields;
  for (const Node& item : node_->items) {
    fields.push_back(ApiField(&item, path_ + "[" + std::to_string(fields.size()) + "]", first_error_));
  }
  return fields;
}

std::string ApiField::text() const {
  return holds(Node::Kind::kString) ? node_->text : std::string();
}

bool ApiField::boolean(bool otherwise) const {
  return holds(Node::Kind::kBoolean) ? node_->boolean : otherwise;
}

std::int64_t ApiField::integer() const {
  if (!present()) {
    refuse("expected an integer, found nothing");
    return 0;
  }
  const auto value = node_->as_integer();
  if (value) return *value;
  refuse(value.error().message);
  return 0;
}

Labels ApiField::labels() const {
  Labels labels;
  if (!holds(Node::Kind::kObject)) return labels;
  for (const Node::Member& entry : node_->members) {
    const std::string path = path_ + "[" + escape(entry.key, 320) + "]";
    labels.emplace(entry.key, ApiField(&entry.value, path, first_error_).text());
  }
  return labels;
}

std::vector<std::string> ApiField::texts() const {
  std::vector<std::string> texts;
  for (const ApiField& field : items()) texts.push_back(field.text());
  return texts;
}

LabelRequirement ApiField::label_requirement() const {
  LabelRequirement requirement{member("key").text(), Operator::kExists, member("values").texts()};
  if (requirement.key.empty()) refuse("key is missing");
  const std::string word = member("operator").text();
  const auto op = parse_operator(word);
  if (!op) {
    refuse("operator \"" + escape(word, 64) + "\" is not In, NotIn, Exists or DoesNotExist");
    return requirement;
  }
  requirement.op = *op;
  const bool needs_values = *op == Operator::kIn || *op == Operator::kNotIn;
  if (needs_values == requirement.values.empty()) {
    refuse(std::string(to_string(*op)) + (needs_values ? " needs values" : " takes no values"));
  }
  return requirement;
}

LabelSelector ApiField::label_selector() const {
  LabelSelector selector{member("matchLabels").labels(), {}};
  for (const ApiField& expression : member("matchExpressions").items()) {
    selector.match_expressions.push_back(expression.label_requirement());
  }
  return selector;
}

}  // namespace kintsugi::isolation
