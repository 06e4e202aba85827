// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/store.h"

#include <mutex>
#include <utility>

namespace kintsugi::k8s {

IndexFunction index_by_namespace() {
  return [](const Object& object) { return std::vector<std::string>{object.metadata.key.name_space}; };
}

IndexFunction index_by_owner_uid() {
  return [](const Object& object) {
    std::vector<std::string> uids;
    for (const auto& owner : object.metadata.owners) uids.push_back(owner.uid);
    return uids;
  };
}

IndexFunction index_by_label(std::string key) {
  return [key = std::move(key)](const Object& object) {
    const std::string* value = object.metadata.labels.find(key);
    return value ? std::vector<std::string>{*value} : std::vector<std::string>{};
  };
}

void Store::add_index(std::string name, IndexFunction function) {
  const std::unique_lock lock(mutex_);
  indexes_.insert_or_assign(std::move(name), Index{std::move(function), {}});
}

ObjectPointer Store::get(const ObjectKey& key) const {
  const std::shared_lock lock(mutex_);
  return find(key);
}

std::vector<ObjectPointer> Store::by_index(std::string_view index, const std::string& value) const {
  const std::shared_lock lock(mutex_);
  const auto found = indexes_.find(index);
  if (found == indexes_.end()) return {};
  const auto bucket = found->second.buckets.find(value);
  if (bucket == found->second.buckets.end()) return {};
  return {bucket->second.begin(), bucket->second.end()};
}

std::vector<ObjectPointer> Store::list() const {
  const std::shared_lock lock(mutex_);
  return {objects_.begin(), objects_.end()};
}

std::size_t Store::size() const {
  const std::shared_lock lock(mutex_);
  return objects_.size();
}

ObjectPointer Store::apply(ObjectPointer object) {
  const std::unique_lock lock(mutex_);
  return put(std::move(object));
}

ObjectPointer Store::remove(const ObjectKey& key) {
  const std::unique_lock lock(mutex_);
  return take(key);
}

std::vector<StoreChange> Store::replace(const std::vector<ObjectPointer>& objects) {
  const std::unique_lock lock(mutex_);
  Objects gone = objects_;
  std::vector<StoreChange> changes;
  for (const ObjectPointer& object : objects) {
    if (const auto still_there = gone.find(object->metadata.key); still_there != gone.end())
      gone.erase(still_there);
    const ObjectPointer old = find(object->metadata.key);
    const bool same_uid = old && old->metadata.uid == object->metadata.uid;
    if (same_uid && old->metadata.resource_version == object->metadata.resource_version) continue;
    put(object);
    if (old && !same_uid) changes.push_back({old, nullptr});
    changes.push_back({same_uid ? old : nullptr, object});
  }
  for (const ObjectPointer& old : gone) changes.push_back({take(old->metadata.key), nullptr});
  return changes;
}

ObjectPointer Store::find(const ObjectKey& key) const {
  const auto found = objects_.find(key);
  return found != objects_.end() ? *found : nullptr;
}

ObjectPointer Store::put(ObjectPointer object) {
  ObjectPointer old = take(object->metadata.key);
  for (auto& [name, index] : indexes_) {
    for (auto& value : index.function(*object)) index.buckets[std::move(value)].insert(object);
  }
  objects_.insert(std::move(object));
  return old;
}

ObjectPointer Store::take(const ObjectKey& key) {
  const auto found = objects_.find(key);
  if (found == objects_.end()) return nullptr;
  ObjectPointer object = *found;
  objects_.erase(found);
  for (auto& [name, index] : indexes_) {
    for (const auto& value : index.function(*object)) {
      const auto bucket = index.buckets.find(value);
      if (bucket == index.buckets.end()) continue;
      bucket->second.erase(object);
      if (bucket->second.empty()) index.buckets.erase(bucket);
    }
  }
  return object;
}

}  // namespace kintsugi::k8s
