// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "sandbox/controllers.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

void remove(ObjectStore& store, const ResourceInfo& info, const json& object) {
  if (!is_being_deleted(object)) (void)store.remove(info.resource, key_of(object), {.uid = uid_of(object)});
}

void collect_dependents(ObjectStore& store) {
  std::set<std::string> living;
  for (const ResourceInfo& info : all_resources())
    for (const Object& object : store.all(info.resource)) living.insert(uid_of(*object));
  const auto is_gone = [&](const json& owner) { return !living.contains(text(owner, {"uid"})); };
  for (const ResourceInfo& info : all_resources()) {
    for (const Object& object : store.all(info.resource)) {
      const json& owners = field(*object, {"metadata", "ownerReferences"});
      if (!owners.empty() && std::all_of(owners.begin(), owners.end(), is_gone)) remove(store, info, *object);
    }
  }
}

/// Deletes what is in the namespace. True when there was nothing.
bool empty_namespace(ObjectStore& store, const std::string& name) {
  bool was_empty = true;
  for (const ResourceInfo& info : all_resources()) {
    if (!info.resource.namespaced) continue;
    for (const Object& object : store.all(info.resource, name)) {
      remove(store, info, *object);
      was_empty = false;
    }
  }
  return was_empty;
}

}  // namespace

void collect_garbage(ObjectStore& store) {
  collect_dependents(store);
  for (const Object& name_space : store.all(k8s::kNamespaces)) {
    if (!is_being_deleted(*name_space) || !empty_namespace(store, name_of(*name_space))) continue;
    (void)store.edit(k8s::kNamespaces, key_of(*name_space),
                     [](json& next) { next["spec"]["finalizers"] = json::array(); });
  }
}

}  // namespace kintsugi::sandbox
