// SPDX-License-Identifier: Apache-2.0
#include "sandbox/object_store.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/time.h"
#include "sandbox/object_rules.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

/// Seconds that a deletion leaves to the object's own end: only pods on a node get any.
std::int64_t grace_seconds(const ResourceInfo& info, const json& object, const DeleteOptions& options) {
  if (info.resource != k8s::kPods || text(object, {"spec", "nodeName"}).empty()) return 0;
  return std::max<std::int64_t>(
      0, options.grace_seconds.value_or(integer(object, {"spec", "terminationGracePeriodSeconds"}, 30)));
}

bool has_finalizers(const ResourceInfo& info, const json& object) {
  if (!field(object, {"metadata", "finalizers"}).empty()) return true;
  return info.resource == k8s::kNamespaces && !field(object, {"spec", "finalizers"}).empty();
}

/// Deleted, its grace over, and nobody holds it any more.
bool is_finished(const ResourceInfo& info, const json& object) {
  return is_being_deleted(object) && !has_finalizers(info, object) &&
         integer(object, {"metadata", "deletionGracePeriodSeconds"}, 0) == 0;
}

/// Changes nothing where a deletion with this or a shorter grace is already under way.
void mark_for_deletion(const ResourceInfo& info, json& object, std::int64_t grace, WallTime now) {
  json& metadata = object["metadata"];
  if (is_being_deleted(object) && integer(metadata, {"deletionGracePeriodSeconds"}, 0) <= grace) return;
  metadata["deletionTimestamp"] = format_seconds(now + std::chrono::seconds(grace));
  metadata["deletionGracePeriodSeconds"] = grace;
  if (info.counts_generations) metadata["generation"] = integer(metadata, {"generation"}, 1) + 1;
  if (info.resource == k8s::kNamespaces) object["status"]["phase"] = "Terminating";
}

}  // namespace

bool Selection::matches(const json& object) const {
  if (!name_space.empty() && namespace_of(object) != name_space) return false;
  const auto holds = [&](const auto& wanted) {
    const std::size_t dot = std::min(wanted.first.find('.'), wanted.first.size() - 1);
    return text(object, {wanted.first.substr(0, dot).c_str(), wanted.first.c_str() + dot + 1}) ==
           wanted.second;
  };
  return std::all_of(fields.begin(), fields.end(), holds) &&
         (labels.empty() || LabelSelector{labels, {}}.matches(labels_of(object)));
}

std::optional<Change> seen_through(const Selection& selection, const Change& change) {
  const bool before = change.previous != nullptr && selection.matches(*change.previous);
  const bool after = change.type != Change::Type::kDeleted && selection.matches(*change.object);
  if (!before && !after) return std::nullopt;
  Change seen = change;
  if (before && after) {
    seen.type = Change::Type::kModified;
  } else if (after) {
    seen.type = Change::Type::kAdded;
  } else if (change.type != Change::Type::kDeleted) {
    seen.type = Change::Type::kDeleted;
    json last = *change.previous;
    last["metadata"]["resourceVersion"] = std::to_string(change.version);
    seen.object = std::make_shared<const json>(std::move(last));
  }
  return seen;
}

ObjectStore::ObjectStore(const Clock& clock, std::uint64_t seed, std::size_t history)
    : clock_(clock), history_limit_(history), random_(seed) {}

Object ObjectStore::find(const ResourceInfo& info, const k8s::ObjectKey& key) const {
  const auto objects = objects_.find(&info);
  if (objects == objects_.end()) return nullptr;
  const auto object = objects->second.find(key);
  return object == objects->second.end() ? nullptr : object->second;
}

Answer<Object> ObjectStore::get(const k8s::Resource& resource, const k8s::ObjectKey& key) const {
  const std::lock_guard lock(mutex_);
  const ResourceInfo& info = info_of(resource);
  if (Object object = find(info, key)) return object;
  return refuse(not_found(info, key.name));
}

Listing ObjectStore::list(const k8s::Resource& resource, const Selection& selection) const {
  const std::lock_guard lock(mutex_);
  Listing listing{{}, version_};
  const auto objects = objects_.find(&info_of(resource));
  if (objects == objects_.end()) return listing;
  for (const auto& [key, object] : objects->second)
    if (selection.matches(*object)) listing.objects.push_back(object);
  return listing;
}

std::vector<Object> ObjectStore::all(const k8s::Resource& resource, const std::string& name_space) const {
  return list(resource, {name_space}).objects;
}

/// The namespace takes new objects, and the name is free.
std::optional<Refusal> ObjectStore::check_new(const ResourceInfo& info, const k8s::ObjectKey& key) const {
  if (find(info, key) != nullptr)
    return Refusal{409, "AlreadyExists", info.describe(key.name) + " already exists"};
  if (!info.resource.namespaced) return std::nullopt;
  const Object owner = find(info_of(k8s::kNamespaces), {"", key.name_space});
  if (owner == nullptr) return not_found(info_of(k8s::kNamespaces), key.name_space);
  if (!is_being_deleted(*owner)) return std::nullopt;
  return Refusal{403, "Forbidden",
                 info.describe(key.name) + " is forbidden: unable to create new content in namespace " +
                     key.name_space + " because it is being terminated",
                 "NamespaceTerminating", "metadata.namespace"};
}

Answer<Object> ObjectStore::create(const k8s::Resource& resource, const std::string& name_space, json object,
                                   WriteOptions options) {
  const std::lock_guard lock(mutex_);
  const ResourceInfo& info = info_of(resource);
  k8s::ObjectKey key{name_space, name_of(object)};
  const std::string prefix = text(object, {"metadata", "generateName"});
  if (key.name.empty() && !prefix.empty()) {
    key.name = prefix + fill_in("xxxxx", "bcdfghjklmnpqrstvwxz2456789");  // no vowels, no words
    object["metadata"]["name"] = key.name;
  }
  if (auto refusal = prepare_create(info, key, object)) return refuse(std::move(*refusal));
  if (auto refusal = check_new(info, key)) return refuse(std::move(*refusal));
  object["metadata"]["uid"] = fill_in("xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx", "0123456789abcdef");
  object["metadata"]["creationTimestamp"] = format_seconds(clock_.now());
  if (options.dry_run) return std::make_shared<const json>(std::move(object));
  return commit(info, Change::Type::kAdded, std::move(object), nullptr);
}

Answer<Object> ObjectStore::replace(const k8s::Resource& resource, const k8s::ObjectKey& key, json object,
                                    WriteOptions options) {
  return edit(
      resource, key,
      [&](json& current) {
        const std::string version = text(current, {"metadata", "resourceVersion"});
        current = std::move(object);
        if (field(current, {"metadata"}).is_object() && !current["metadata"].contains("resourceVersion"))
          current["metadata"]["resourceVersion"] = version;
      },
      options);
}

Answer<Object> ObjectStore::edit(const k8s::Resource& resource, const k8s::ObjectKey& key, const Edit& edit,
                                 WriteOptions options) {
  const std::lock_guard lock(mutex_);
  const ResourceInfo& info = info_of(resource);
  Object current = find(info, key);
  if (current == nullptr) return refuse(not_found(info, key.name));
  json next = *current;
  edit(next);
  if (auto refusal = prepare_update(info, *current, options.status, next)) return refuse(std::move(*refusal));
  if (next == *current) return current;
  if (options.dry_run) return std::make_shared<const json>(std::move(next));
  const bool ends = is_finished(info, next);
  return commit(info, ends ? Change::Type::kDeleted : Change::Type::kModified, std::move(next), current);
}

Answer<Object> ObjectStore::remove(const k8s::Resource& resource, const k8s::ObjectKey& key,
                                   const DeleteOptions& options) {
  const std::lock_guard lock(mutex_);
  const ResourceInfo& info = info_of(resource);
  Object current = find(info, key);
  if (current == nullptr) return refuse(not_found(info, key.name));
  const std::pair<const char*, std::string> preconditions[] = {{"uid", options.uid},
                                                               {"resourceVersion", options.resource_version}};
  for (const auto& [name, wanted] : preconditions)
    if (!wanted.empty() && wanted != text(*current, {"metadata", name}))
      return refuse(conflict(info, key.name,
                             std::string("the ") + name + " in the precondition (" + wanted +
                                 ") does not match that in record"));
  json next = *current;
  mark_for_deletion(info, next, grace_seconds(info, next, options), clock_.now());
  const bool ends = is_finished(info, next);
  if (!ends && next == *current) return current;
  if (options.dry_run) return std::make_shared<const json>(std::move(next));
  return commit(info, ends ? Change::Type::kDeleted : Change::Type::kModified, std::move(next), current);
}

Object ObjectStore::commit(const ResourceInfo& info, Change::Type type, json object, Object previous) {
  ++version_;
  object["metadata"]["resourceVersion"] = std::to_string(version_);
  const auto stored = std::make_shared<const json>(std::move(object));
  if (type == Change::Type::kDeleted) {
    objects_[&info].erase(key_of(*stored));
  } else {
    objects_[&info][key_of(*stored)] = stored;
  }
  history_.push_back({version_, type, &info, stored, std::move(previous)});
  if (history_.size() > history_limit_) {
    forgotten_ = history_.front().version;
    history_.pop_front();
  }
  changed_.notify_all();
  return stored;
}

std::uint64_t ObjectStore::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

Answer<std::vector<Change>> ObjectStore::changes_after(const k8s::Resource& resource,
                                                       std::uint64_t version) const {
  const std::lock_guard lock(mutex_);
  if (version < forgotten_)
    return refuse(
        {410, "Expired",
         "too old resource version: " + std::to_string(version) + " (" + std::to_string(forgotten_) + ")"});
  const ResourceInfo* info = &info_of(resource);
  std::vector<Change> changes;
  std::copy_if(history_.begin(), history_.end(), std::back_inserter(changes),
               [&](const Change& change) { return change.version > version && change.info == info; });
  return changes;
}

void ObjectStore::wait_for_change(std::uint64_t version, MonotonicTime deadline) const {
  std::unique_lock lock(mutex_);
  while (version_ <= version && !waits_ended_ && clock_.monotonic() < deadline)
    clock_.wait_until(lock, changed_, deadline);
}

void ObjectStore::end_waits() {
  const std::lock_guard lock(mutex_);
  waits_ended_ = true;
  changed_.notify_all();
}

std::string ObjectStore::fill_in(std::string pattern, std::string_view alphabet) {
  for (char& c : pattern)
    if (c == 'x') c = alphabet[random_() % alphabet.size()];
  return pattern;
}

}  // namespace kintsugi::sandbox
