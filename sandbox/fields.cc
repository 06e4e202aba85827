// SPDX-License-Identifier: Apache-2.0
#include "sandbox/fields.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/label_selector_reader.h"

namespace kintsugi::sandbox {

using nlohmann::json;

const json& field(const json& object, Path path) {
  static const json kNull;
  const json* current = &object;
  for (const char* name : path) {
    if (!current->is_object()) return kNull;
    const auto member = current->find(name);
    if (member == current->end()) return kNull;
    current = &*member;
  }
  return *current;
}

std::string text(const json& object, Path path) {
  const json& value = field(object, path);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::int64_t integer(const json& object, Path path, std::int64_t fallback) {
  const json& value = field(object, path);
  return value.is_number_integer() ? value.get<std::int64_t>() : fallback;
}

Labels string_map(const json& object, Path path) {
  Labels labels;
  const json& map = field(object, path);
  if (!map.is_object()) return labels;
  for (const auto& [key, value] : map.items())
    if (value.is_string()) labels.emplace(key, value.get<std::string>());
  return labels;
}

std::string name_of(const json& object) {
  return text(object, {"metadata", "name"});
}
std::string namespace_of(const json& object) {
  return text(object, {"metadata", "namespace"});
}
std::string uid_of(const json& object) {
  return text(object, {"metadata", "uid"});
}
k8s::ObjectKey key_of(const json& object) {
  return {namespace_of(object), name_of(object)};
}
Labels labels_of(const json& object) {
  return string_map(object, {"metadata", "labels"});
}
bool is_being_deleted(const json& object) {
  return !field(object, {"metadata", "deletionTimestamp"}).is_null();
}

bool is_ready(const json& pod) {
  const json& conditions = field(pod, {"status", "conditions"});
  return std::any_of(conditions.begin(), conditions.end(), [](const json& condition) {
    return text(condition, {"type"}) == "Ready" && text(condition, {"status"}) == "True";
  });
}

std::string controller_uid(const json& object) {
  for (const json& owner : field(object, {"metadata", "ownerReferences"}))
    if (field(owner, {"controller"}) == true) return text(owner, {"uid"});
  return {};
}

json owner_reference(const json& owner) {
  return {{"apiVersion", owner.at("apiVersion")},
          {"kind", owner.at("kind")},
          {"name", name_of(owner)},
          {"uid", uid_of(owner)},
          {"controller", true},
          {"blockOwnerDeletion", true}};
}

LabelSelector to_selector(const json& selector) {
  LabelSelector parsed;
  ProblemList problems("selector");
  if (selector.is_null() || read_label_selector(from_json(selector), "", parsed, problems)) return parsed;
  return {{}, {{"", LabelRequirement::Operator::kIn, {}}}};
}

}  // namespace kintsugi::sandbox
