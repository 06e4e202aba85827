// SPDX-License-Identifier: Apache-2.0
#include "sandbox/object_rules.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/kubernetes_name.h"
#include "sandbox/fields.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;
using Type = json::value_t;

constexpr const char* kSystemFields[] = {"uid",         "creationTimestamp", "deletionTimestamp",
                                         "generation",  "resourceVersion",   "deletionGracePeriodSeconds",
                                         "generateName"};

/// A field that the controllers write into, and the only type that it may have. Everything else they read
/// with field(), which takes any type.
struct TypedField {
  const char* pointer;
  Type type;
  Type entries = Type::discarded;  ///< of arrays and maps; discarded: any
};

constexpr TypedField kTypedFields[] = {
    {"/metadata/labels", Type::object, Type::string},
    {"/metadata/annotations", Type::object, Type::string},
    {"/metadata/finalizers", Type::array, Type::string},
    {"/metadata/ownerReferences", Type::array, Type::object},
    {"/spec", Type::object},
    {"/status", Type::object},
    {"/status/conditions", Type::array, Type::object},
    {"/status/containerStatuses", Type::array, Type::object},
};

bool has_type(const json& value, const TypedField& wanted) {
  if (value.is_null()) return true;
  const auto fits = [&](const json& entry) {
    return wanted.entries == Type::discarded || entry.type() == wanted.entries;
  };
  return value.type() == wanted.type && std::all_of(value.begin(), value.end(), fits);
}

std::optional<Refusal> check_types(const ResourceInfo& info, const json& object) {
  for (const TypedField& wanted : kTypedFields) {
    const json::json_pointer pointer(wanted.pointer);
    if (object.contains(pointer) && !has_type(object.at(pointer), wanted))
      return invalid(info, name_of(object), wanted.pointer, "wrong type");
  }
  return std::nullopt;
}

std::optional<Refusal> check_labels(const ResourceInfo& info, const json& object) {
  for (const auto& [key, value] : labels_of(object))
    if (!is_label_key(key) || !is_label_value(value))
      return invalid(info, name_of(object), "metadata.labels", "\"" + key + "=" + value + "\": not a label");
  for (const auto& [key, value] : string_map(object, {"metadata", "annotations"}))
    if (!is_label_key(key))
      return invalid(info, name_of(object), "metadata.annotations", "\"" + key + "\": not a qualified name");
  return std::nullopt;
}

/// As much of a schema as the controllers need.
std::optional<Refusal> check_workload(const ResourceInfo& info, const json& object) {
  if (info.resource != k8s::kDeployments && info.resource != k8s::kReplicaSets) return std::nullopt;
  const bool complete = field(object, {"spec", "selector", "matchLabels"}).is_object() &&
                        field(object, {"spec", "template", "metadata", "labels"}).is_object() &&
                        field(object, {"spec", "template", "spec"}).is_object();
  if (complete) return std::nullopt;
  return invalid(info, name_of(object), "spec", "selector or template is incomplete");
}

/// Kind, name and namespace are those of the path. A body may leave out all but the name.
std::optional<Refusal> check_identity(const ResourceInfo& info, const k8s::ObjectKey& key, json& object) {
  const auto agree = [](json& parent, const char* name, const std::string& wanted) {
    if (!parent.contains(name)) parent[name] = wanted;
    return parent[name] == wanted;
  };
  json& metadata = object["metadata"];
  if (!metadata.is_object()) metadata = json::object();
  const bool agreed = agree(object, "kind", std::string(info.resource.kind)) &&
                      agree(object, "apiVersion", info.resource.api_version()) &&
                      name_of(object) == key.name &&
                      (!info.resource.namespaced || agree(metadata, "namespace", key.name_space));
  if (agreed) return std::nullopt;
  return bad_request("kind, apiVersion, name or namespace of the object is not that of the URL");
}

/// An empty one is as good as none, and not stored.
void drop_empty_members(json& object) {
  for (const char* name : {"labels", "annotations", "finalizers", "ownerReferences"})
    if (field(object, {"metadata", name}).empty()) object["metadata"].erase(name);
  if (field(object, {"data"}).empty()) object.erase("data");
}

std::optional<Refusal> check(const ResourceInfo& info, const k8s::ObjectKey& key, json& object) {
  if (auto refusal = check_identity(info, key, object)) return refusal;
  if (auto refusal = check_types(info, object)) return refusal;
  if (auto refusal = check_labels(info, object)) return refusal;
  drop_empty_members(object);
  return check_workload(info, object);
}

void apply_defaults(const ResourceInfo& info, json& object) {
  if (info.resource == k8s::kPods) object["status"] = {{"phase", "Pending"}};
  if (info.resource == k8s::kNamespaces) {
    object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name_of(object);
    object["spec"] = {{"finalizers", {"kubernetes"}}};
    object["status"] = {{"phase", "Active"}};
  }
}

void move_member(const json& from, json& to, const char* name) {
  if (from.contains(name)) {
    to[name] = from[name];
  } else {
    to.erase(name);
  }
}

/// Binding a pod to its node does not count.
bool changes_generation(const ResourceInfo& info, const json& current, const json& next) {
  const json& before = field(current, {"spec"});
  json after = field(next, {"spec"});
  if (info.resource == k8s::kPods && after.is_object() && !before.contains("nodeName"))
    after.erase("nodeName");
  return before != after;
}

}  // namespace

std::optional<Refusal> prepare_create(const ResourceInfo& info, const k8s::ObjectKey& key, json& object) {
  if (!is_dns_subdomain(key.name))
    return invalid(info, key.name, "metadata.name", "a lowercase RFC 1123 subdomain is required");
  if (auto refusal = check(info, key, object)) return refusal;
  for (const char* name : {"deletionTimestamp", "deletionGracePeriodSeconds", "generation"})
    object["metadata"].erase(name);
  if (info.counts_generations) object["metadata"]["generation"] = 1;
  if (info.has_status) object.erase("status");
  apply_defaults(info, object);
  return std::nullopt;
}

std::optional<Refusal> prepare_update(const ResourceInfo& info, const json& current, bool status,
                                      json& next) {
  if (auto refusal = check(info, key_of(current), next)) return refusal;
  const std::string uid = text(next, {"metadata", "uid"});
  if (!uid.empty() && uid != uid_of(current))
    return conflict(info, name_of(current),
                    "UID in precondition: " + uid + ", in object: " + uid_of(current));
  if (text(next, {"metadata", "resourceVersion"}) != text(current, {"metadata", "resourceVersion"}))
    return modified(info, name_of(current));
  if (status) {
    json kept = current;
    move_member(next, kept, "status");
    next = std::move(kept);
    return std::nullopt;
  }
  for (const char* name : kSystemFields) move_member(current["metadata"], next["metadata"], name);
  if (info.has_status) move_member(current, next, "status");
  if (info.counts_generations && changes_generation(info, current, next))
    next["metadata"]["generation"] = integer(current, {"metadata", "generation"}, 1) + 1;
  return std::nullopt;
}

}  // namespace kintsugi::sandbox
