// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "sandbox/workload_controllers.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

std::set<std::string> live_uids(const ObjectStore& store) {
  std::set<std::string> uids;
  for (const ResourceInfo& info : all_resources())
    for (const Object& object : store.all(info.resource)) uids.insert(uid_of(*object));
  return uids;
}

/// Deletes dependents without a living owner; a dead owner next to a living one is struck off the list.
void collect_dependents(ObjectStore& store) {
  const std::set<std::string> uids = live_uids(store);
  const auto is_gone = [&](const json& owner) { return !uids.contains(text(owner, {"uid"})); };
  for (const ResourceInfo& info : all_resources()) {
    for (const Object& object : store.all(info.resource)) {
      const json& owners = field(*object, {"metadata", "ownerReferences"});
      const auto gone = std::count_if(owners.begin(), owners.end(), is_gone);
      if (gone == 0) continue;
      if (static_cast<std::size_t>(gone) == owners.size()) {
        if (!is_being_deleted(*object))
          (void)store.remove(info.resource, key_of(*object), {.uid = uid_of(*object)});
        continue;
      }
      (void)store.edit(info.resource, key_of(*object), [&](json& next) {
        json kept = json::array();
        std::remove_copy_if(owners.begin(), owners.end(), std::back_inserter(kept), is_gone);
        next["metadata"]["ownerReferences"] = std::move(kept);
        return std::nullopt;
      });
    }
  }
}

/// Deletes what is in the namespace; true when nothing is left.
bool empty_namespace(ObjectStore& store, const std::string& name) {
  bool empty = true;
  for (const ResourceInfo& info : all_resources()) {
    if (!info.resource.namespaced) continue;
    for (const Object& object : store.all(info.resource, name)) {
      const auto deletion = is_being_deleted(*object)
                                ? Answer<Deletion>(Deletion{object, false})
                                : store.remove(info.resource, key_of(*object), {.uid = uid_of(*object)});
      empty = empty && deletion && deletion->removed;
    }
  }
  return empty;
}

}  // namespace

void collect_garbage(ObjectStore& store) {
  collect_dependents(store);
  for (const Object& name_space : store.all(k8s::kNamespaces)) {
    if (!is_being_deleted(*name_space) || !empty_namespace(store, name_of(*name_space))) continue;
    (void)store.edit(k8s::kNamespaces, key_of(*name_space), [](json& next) {
      next["spec"]["finalizers"] = json::array();
      return std::nullopt;
    });
  }
}

}  // namespace kintsugi::sandbox
