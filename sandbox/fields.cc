// SPDX-License-Identifier: Apache-2.0
#include "sandbox/fields.h"

#include <nlohmann/json.hpp>

namespace kintsugi::sandbox {
namespace {

LabelRequirement to_requirement(const nlohmann::json& entry) {
  LabelRequirement requirement{text(entry, {"key"}), LabelRequirement::Operator::kIn, {}};
  const std::string op = text(entry, {"operator"});
  if (op == "NotIn") requirement.op = LabelRequirement::Operator::kNotIn;
  if (op == "Exists") requirement.op = LabelRequirement::Operator::kExists;
  if (op == "DoesNotExist") requirement.op = LabelRequirement::Operator::kDoesNotExist;
  for (const auto& value : field(entry, {"values"}))
    if (value.is_string()) requirement.values.push_back(value.get<std::string>());
  return requirement;
}

}  // namespace

const nlohmann::json& field(const nlohmann::json& object, Path path) {
  static const nlohmann::json kNull;
  const nlohmann::json* current = &object;
  for (const char* name : path) {
    if (!current->is_object()) return kNull;
    const auto member = current->find(name);
    if (member == current->end()) return kNull;
    current = &*member;
  }
  return *current;
}

std::string text(const nlohmann::json& object, Path path) {
  const nlohmann::json& value = field(object, path);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::int64_t integer(const nlohmann::json& object, Path path, std::int64_t fallback) {
  const nlohmann::json& value = field(object, path);
  return value.is_number_integer() ? value.get<std::int64_t>() : fallback;
}

bool flag(const nlohmann::json& object, Path path) {
  const nlohmann::json& value = field(object, path);
  return value.is_boolean() && value.get<bool>();
}

Labels string_map(const nlohmann::json& object, Path path) {
  Labels labels;
  const nlohmann::json& map = field(object, path);
  if (!map.is_object()) return labels;
  for (const auto& [key, value] : map.items())
    if (value.is_string()) labels.emplace(key, value.get<std::string>());
  return labels;
}

std::string name_of(const nlohmann::json& object) {
  return text(object, {"metadata", "name"});
}
std::string namespace_of(const nlohmann::json& object) {
  return text(object, {"metadata", "namespace"});
}
std::string uid_of(const nlohmann::json& object) {
  return text(object, {"metadata", "uid"});
}
k8s::ObjectKey key_of(const nlohmann::json& object) {
  return {namespace_of(object), name_of(object)};
}
Labels labels_of(const nlohmann::json& object) {
  return string_map(object, {"metadata", "labels"});
}

bool is_being_deleted(const nlohmann::json& object) {
  return !field(object, {"metadata", "deletionTimestamp"}).is_null();
}

std::string controller_uid(const nlohmann::json& object) {
  for (const auto& owner : field(object, {"metadata", "ownerReferences"}))
    if (flag(owner, {"controller"})) return text(owner, {"uid"});
  return {};
}

nlohmann::json owner_reference(const nlohmann::json& owner) {
  return {{"apiVersion", owner.at("apiVersion")},
          {"kind", owner.at("kind")},
          {"name", name_of(owner)},
          {"uid", uid_of(owner)},
          {"controller", true},
          {"blockOwnerDeletion", true}};
}

LabelSelector to_selector(const nlohmann::json& selector) {
  LabelSelector result{string_map(selector, {"matchLabels"}), {}};
  for (const auto& entry : field(selector, {"matchExpressions"}))
    result.match_expressions.push_back(to_requirement(entry));
  return result;
}

void set_condition(nlohmann::json& conditions, const std::string& type, bool status, const std::string& time,
                   const std::string& reason, const std::string& message) {
  nlohmann::json* entry = nullptr;
  for (auto& condition : conditions)
    if (text(condition, {"type"}) == type) entry = &condition;
  if (entry == nullptr) {
    conditions.push_back({{"type", type}});
    entry = &conditions.back();
  }
  const std::string word = status ? "True" : "False";
  if (text(*entry, {"status"}) != word) (*entry)["lastTransitionTime"] = time;
  (*entry)["status"] = word;
  entry->erase("reason");
  entry->erase("message");
  if (!reason.empty()) (*entry)["reason"] = reason;
  if (!message.empty()) (*entry)["message"] = message;
}

bool has_condition(const nlohmann::json& object, const std::string& type) {
  for (const auto& condition : field(object, {"status", "conditions"}))
    if (text(condition, {"type"}) == type) return text(condition, {"status"}) == "True";
  return false;
}

}  // namespace kintsugi::sandbox
