// SPDX-License-Identifier: Apache-2.0
#include "sandbox/object_rules.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/kubernetes_name.h"
#include "sandbox/fields.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

constexpr const char* kSystemFields[] = {"uid",          "creationTimestamp", "deletionTimestamp",
                                         "generation",   "resourceVersion",   "deletionGracePeriodSeconds",
                                         "generateName", "selfLink"};

Refusal invalid_value(const ResourceInfo& info, const json& object, const std::string& at,
                      const std::string& why) {
  return invalid(info, name_of(object), {"FieldValueInvalid", "Invalid value: " + why, at});
}

std::optional<Refusal> check_kind(const ResourceInfo& info, json& object) {
  const std::string version = info.resource.api_version();
  const std::string kind = text(object, {"kind"});
  if (kind.empty() && info.custom) {
    return bad_request("the object provided is unrecognized (must be of type " +
                       std::string(info.resource.kind) + "): Object 'Kind' is missing");
  }
  if (kind.empty()) object["kind"] = info.resource.kind;
  if (text(object, {"apiVersion"}).empty()) object["apiVersion"] = version;
  if (text(object, {"apiVersion"}) != version) {
    return bad_request("the API version in the data (" + text(object, {"apiVersion"}) +
                       ") does not match the expected API version (" + version + ")");
  }
  if (text(object, {"kind"}) == info.resource.kind) return std::nullopt;
  if (info.custom)
    return invalid_value(info, object, "kind",
                         "\"" + kind + "\": must be " + std::string(info.resource.kind));
  return bad_request(kind + " in version \"" + std::string(info.resource.version) +
                     "\" cannot be handled as a " + std::string(info.resource.kind));
}

/// `metadata.<name>` is absent, or of type `container` with values of type `entry`. An empty one is taken
/// away, as the server's encoding does.
std::optional<Refusal> check_collection(const ResourceInfo& info, json& object, const char* name,
                                        json::value_t container, json::value_t entry) {
  const json& collection = field(object, {"metadata", name});
  const auto fits = [&](const json& value) { return value.type() == entry; };
  if (collection.empty()) {
    object["metadata"].erase(name);
    return std::nullopt;
  }
  if (collection.type() == container && std::all_of(collection.begin(), collection.end(), fits))
    return std::nullopt;
  return invalid_value(info, object, std::string("metadata.") + name, "wrong type");
}

std::optional<Refusal> check_label_text(const ResourceInfo& info, const json& object, const char* name) {
  for (const auto& [key, value] : string_map(object, {"metadata", name})) {
    if (!is_label_key(key))
      return invalid_value(info, object, std::string("metadata.") + name,
                           "\"" + key + "\": not a qualified name");
    if (std::string_view(name) == "labels" && !is_label_value(value))
      return invalid_value(info, object, "metadata.labels", "\"" + value + "\": not a label value");
  }
  return std::nullopt;
}

std::optional<Refusal> check_metadata(const ResourceInfo& info, json& object) {
  using Type = json::value_t;
  object["metadata"].erase("managedFields");
  for (const char* name : {"labels", "annotations"}) {
    if (auto refusal = check_collection(info, object, name, Type::object, Type::string)) return refusal;
    if (auto refusal = check_label_text(info, object, name)) return refusal;
  }
  if (auto refusal = check_collection(info, object, "finalizers", Type::array, Type::string)) return refusal;
  return check_collection(info, object, "ownerReferences", Type::array, Type::object);
}

/// As much of a schema as the controllers need to be safe.
std::optional<Refusal> check_workload(const ResourceInfo& info, const json& object) {
  if (info.resource != k8s::kDeployments && info.resource != k8s::kReplicaSets) return std::nullopt;
  const bool complete = field(object, {"spec", "selector", "matchLabels"}).is_object() &&
                        field(object, {"spec", "template", "metadata", "labels"}).is_object() &&
                        field(object, {"spec", "template", "spec"}).is_object();
  if (!complete) return invalid_value(info, object, "spec", "selector or template is incomplete");
  return std::nullopt;
}

/// Adds what `defaults`, a JSON object, has and `object` has not.
void set_defaults(json& object, const char* defaults) {
  json merged = json::parse(defaults);
  merged.merge_patch(object);
  object = std::move(merged);
}

void default_ports(json& owner) {
  if (!field(owner, {"ports"}).is_array()) return;
  for (json& port : owner["ports"])
    if (port.is_object()) set_defaults(port, R"({"protocol": "TCP"})");
}

void default_pod_spec(json& spec) {
  set_defaults(spec, R"({"restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
                         "serviceAccountName": "default"})");
  if (!field(spec, {"containers"}).is_array()) return;
  for (json& container : spec["containers"]) default_ports(container);
}

void default_policy_types(json& spec) {
  if (field(spec, {"policyTypes"}).is_array()) return;
  spec["policyTypes"] = json::array({"Ingress"});
  if (field(spec, {"egress"}).is_array()) spec["policyTypes"].push_back("Egress");
}

void apply_defaults(const ResourceInfo& info, json& object) {
  if (info.resource == k8s::kNamespaces) {
    object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name_of(object);
    object["spec"] = {{"finalizers", {"kubernetes"}}};
    object["status"] = {{"phase", "Active"}};
  }
  if (!field(object, {"spec"}).is_object()) return;
  json& spec = object["spec"];
  if (info.resource == k8s::kPods) {
    default_pod_spec(spec);
    object["status"] = {{"phase", "Pending"}, {"qosClass", "BestEffort"}};
  }
  if (info.resource == k8s::kDeployments || info.resource == k8s::kReplicaSets) {
    set_defaults(spec, R"({"replicas": 1})");
    default_pod_spec(spec["template"]["spec"]);
  }
  if (info.resource == k8s::kDeployments) {
    set_defaults(spec, R"({"revisionHistoryLimit": 10, "strategy": {"type": "RollingUpdate",
                           "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}})");
  }
  if (info.resource == k8s::kServices) default_ports(spec);
  if (info.resource == k8s::kNetworkPolicies) default_policy_types(spec);
}

std::optional<Refusal> check_new_finalizers(const ResourceInfo& info, const json& current, const json& next) {
  if (!is_being_deleted(current)) return std::nullopt;
  const json& before = field(current, {"metadata", "finalizers"});
  for (const auto& finalizer : field(next, {"metadata", "finalizers"})) {
    if (std::find(before.begin(), before.end(), finalizer) != before.end()) continue;
    return invalid(
        info, name_of(current),
        {"FieldValueForbidden",
         "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers "
         "[]string{\"" +
             finalizer.get<std::string>() + "\"}",
         "metadata.finalizers"});
  }
  return std::nullopt;
}

void move_member(const json& from, json& to, const char* name) {
  if (from.contains(name)) {
    to[name] = from[name];
  } else {
    to.erase(name);
  }
}

/// Metadata and status do not count, and of a built-in kind only the spec does, binding a pod excepted.
bool changes_generation(const ResourceInfo& info, json current, json next) {
  if (info.resource == k8s::kPods && next["spec"].is_object())
    move_member(current["spec"], next["spec"], "nodeName");
  if (!info.custom) return field(current, {"spec"}) != field(next, {"spec"});
  for (json* object : {&current, &next}) {
    object->erase("metadata");
    if (info.status_subresource) object->erase("status");
  }
  return current != next;
}

}  // namespace

std::optional<Refusal> check_identity(const ResourceInfo& info, const k8s::ObjectKey& key, json& object) {
  if (!field(object, {"metadata"}).is_object()) object["metadata"] = json::object();
  const std::string name = name_of(object);
  if (name.empty())
    return bad_request("the name of the object (" + key.name +
                       " based on URL) was undeterminable: name must be provided");
  if (name != key.name)
    return bad_request("the name of the object (" + name + ") does not match the name on the URL (" +
                       key.name + ")");
  const std::string name_space = namespace_of(object);
  if (!name_space.empty() && name_space != key.name_space)
    return bad_request(
        "the namespace of the provided object does not match the namespace sent on the request");
  if (info.resource.namespaced) object["metadata"]["namespace"] = key.name_space;
  return std::nullopt;
}

std::optional<Refusal> prepare_create(const ResourceInfo& info, const std::string& name_space, json& object) {
  const std::string name = name_of(object);
  if (auto refusal = check_kind(info, object)) return refusal;
  if (name.empty())
    return invalid(
        info, name,
        {"FieldValueRequired", "Required value: name or generateName is required", "metadata.name"});
  if (auto refusal = check_identity(info, {name_space, name}, object)) return refusal;
  if (!text(object, {"metadata", "resourceVersion"}).empty())
    return unclassified("resourceVersion should not be set on objects to be created");
  if (!is_dns_subdomain(name)) {
    return invalid_value(info, object, "metadata.name",
                         "\"" + name +
                             "\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
                             "characters, '-' or '.', and must start and end with an alphanumeric character");
  }
  if (auto refusal = check_metadata(info, object)) return refusal;
  if (auto refusal = check_workload(info, object)) return refusal;
  for (const char* name_of_field : {"deletionTimestamp", "deletionGracePeriodSeconds", "generation"})
    object["metadata"].erase(name_of_field);
  if (info.counts_generations) object["metadata"]["generation"] = 1;
  if (info.status_subresource) object.erase("status");
  apply_defaults(info, object);
  return std::nullopt;
}

std::optional<Refusal> prepare_update(const ResourceInfo& info, const json& current, bool status,
                                      json& next) {
  if (auto refusal = check_kind(info, next)) return refusal;
  const std::string uid = text(next, {"metadata", "uid"});
  if (!uid.empty() && uid != uid_of(current)) {
    return conflict(
        info, name_of(current),
        "Precondition failed: UID in precondition: " + uid + ", UID in object meta: " + uid_of(current));
  }
  for (const char* name : kSystemFields) move_member(current["metadata"], next["metadata"], name);
  if (auto refusal = check_metadata(info, next)) return refusal;
  if (auto refusal = check_workload(info, next)) return refusal;
  if (auto refusal = check_new_finalizers(info, current, next)) return refusal;
  if (status) {
    json kept = current;
    move_member(next, kept, "status");
    if (info.resource == k8s::kPods) kept["metadata"] = next["metadata"];
    next = std::move(kept);
    return std::nullopt;
  }
  if (info.status_subresource) move_member(current, next, "status");
  if (info.resource == k8s::kNetworkPolicies && field(next, {"spec"}).is_object())
    default_policy_types(next["spec"]);
  if (info.counts_generations && changes_generation(info, current, next))
    next["metadata"]["generation"] = integer(current, {"metadata", "generation"}, 1) + 1;
  return std::nullopt;
}

}  // namespace kintsugi::sandbox
