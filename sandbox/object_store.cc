// SPDX-License-Identifier: Apache-2.0
#include "sandbox/object_store.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/encoding.h"
#include "base/time.h"
#include "sandbox/object_rules.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

constexpr std::string_view kContinueExpired =
    "The provided continue parameter is too old to display a consistent list result. You must start a new "
    "list "
    "without the continue parameter.";

/// Where a continued list goes on: after `after`, at the version of its first page.
struct Continuation {
  std::uint64_t version = 0;
  k8s::ObjectKey after;
};

std::string encode(const Continuation& continuation) {
  return base64_encode(json{{"v", "meta.k8s.io/v1"},
                            {"rv", continuation.version},
                            {"namespace", continuation.after.name_space},
                            {"name", continuation.after.name}}
                           .dump());
}

Answer<Continuation> decode(const std::string& token) {
  const auto bytes = base64_decode(token);
  const auto object = bytes ? parse_json(*bytes) : Result<json>(fail(bytes.error()));
  const std::int64_t version = object ? integer(*object, {"rv"}, 0) : 0;
  if (version <= 0) return refuse(bad_request("invalid continue token: continue key is not valid"));
  return Continuation{static_cast<std::uint64_t>(version),
                      {text(*object, {"namespace"}), text(*object, {"name"})}};
}

/// Seconds that a deletion leaves to the object's own end: only scheduled, unfinished pods get any.
std::int64_t grace_seconds(const ResourceInfo& info, const json& object, const DeleteOptions& options) {
  if (info.resource != k8s::kPods || text(object, {"spec", "nodeName"}).empty()) return 0;
  const std::string phase = text(object, {"status", "phase"});
  if (phase == "Succeeded" || phase == "Failed") return 0;
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

/// False when a deletion with this or a shorter grace is already under way.
bool mark_for_deletion(const ResourceInfo& info, json& object, std::int64_t grace, WallTime now) {
  json& metadata = object["metadata"];
  if (is_being_deleted(object) && integer(metadata, {"deletionGracePeriodSeconds"}, 0) <= grace) return false;
  metadata["deletionTimestamp"] = format_seconds(now + std::chrono::seconds(grace));
  metadata["deletionGracePeriodSeconds"] = grace;
  if (metadata.contains("generation")) metadata["generation"] = integer(metadata, {"generation"}, 1) + 1;
  if (info.resource == k8s::kNamespaces) object["status"]["phase"] = "Terminating";
  return true;
}

std::optional<Refusal> check_preconditions(const ResourceInfo& info, const json& object,
                                           const DeleteOptions& options) {
  const auto refusal = [&](const std::string& what, const std::string& wanted, const std::string& is,
                           const std::string& meaning) {
    return conflict(info, name_of(object),
                    "the " + what + " in the precondition (" + wanted + ") does not match the " + what +
                        " in record (" + is + "). The object might have been " + meaning);
  };
  const std::string version = text(object, {"metadata", "resourceVersion"});
  if (!options.uid.empty() && options.uid != uid_of(object))
    return refusal("UID", options.uid, uid_of(object), "deleted and then recreated");
  if (!options.resource_version.empty() && options.resource_version != version)
    return refusal("ResourceVersion", options.resource_version, version, "modified");
  return std::nullopt;
}

}  // namespace

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

const Object* ObjectStore::find(const ResourceInfo& info, const k8s::ObjectKey& key) const {
  const auto objects = objects_.find(&info);
  if (objects == objects_.end()) return nullptr;
  const auto object = objects->second.find(key);
  return object == objects->second.end() ? nullptr : &object->second;
}

Answer<Object> ObjectStore::get(const k8s::Resource& resource, const k8s::ObjectKey& key) const {
  const std::lock_guard lock(mutex_);
  const ResourceInfo& info = info_of(resource);
  const Object* object = find(info, key);
  if (object == nullptr) return refuse(not_found(info, key.name));
  return *object;
}

std::vector<Object> ObjectStore::all(const k8s::Resource& resource, const std::string& name_space) const {
  const std::lock_guard lock(mutex_);
  std::vector<Object> result;
  const auto objects = objects_.find(&info_of(resource));
  if (objects == objects_.end()) return result;
  for (const auto& [key, object] : objects->second)
    if (name_space.empty() || key.name_space == name_space) result.push_back(object);
  return result;
}

/// The objects as they were: the present with the changes since undone.
Answer<ObjectStore::Objects> ObjectStore::objects_at(const ResourceInfo& info, std::uint64_t version) const {
  if (version < compacted_) return refuse(expired(std::string(kContinueExpired)));
  if (version > version_) return refuse(version_too_large(version, version_));
  const auto present = objects_.find(&info);
  Objects objects = present == objects_.end() ? Objects() : present->second;
  for (auto change = history_.rbegin(); change != history_.rend() && change->version > version; ++change) {
    if (change->info != &info) continue;
    const k8s::ObjectKey key = key_of(*change->object);
    if (change->previous == nullptr) {
      objects.erase(key);
    } else {
      objects[key] = change->previous;
    }
  }
  return objects;
}

Answer<Page> ObjectStore::list(const k8s::Resource& resource, const ListOptions& options) const {
  const std::lock_guard lock(mutex_);
  const ResourceInfo& info = info_of(resource);
  Continuation from{options.exact_version == 0 ? version_ : options.exact_version, {}};
  if (!options.continue_token.empty()) {
    auto decoded = decode(options.continue_token);
    if (!decoded) return refuse(std::move(decoded).error());
    from = std::move(*decoded);
  }
  const auto objects = objects_at(info, from.version);
  if (!objects) return refuse(objects.error());

  Page page{{}, from.version, {}, 0};
  const auto first = options.continue_token.empty() ? objects->begin() : objects->upper_bound(from.after);
  for (auto entry = first; entry != objects->end(); ++entry) {
    if (!options.selection.matches(*entry->second)) continue;
    if (options.limit != 0 && page.items.size() == options.limit) {
      ++page.remaining;
    } else {
      page.items.push_back(entry->second);
    }
  }
  if (page.remaining > 0) page.continue_token = encode({from.version, key_of(*page.items.back())});
  return page;
}

std::optional<Refusal> ObjectStore::check_namespace(const ResourceInfo& info, const std::string& name_space,
                                                    const std::string& name) const {
  if (!info.resource.namespaced) return std::nullopt;
  const ResourceInfo& namespaces = info_of(k8s::kNamespaces);
  const Object* owner = find(namespaces, {"", name_space});
  if (owner == nullptr) return not_found(namespaces, name_space);
  if (is_being_deleted(**owner)) return namespace_terminating(info, name, name_space);
  return std::nullopt;
}

Answer<Object> ObjectStore::create(const k8s::Resource& resource, const std::string& name_space, json object,
                                   WriteOptions options) {
  const std::lock_guard lock(mutex_);
  const ResourceInfo& info = info_of(resource);
  if (!field(object, {"metadata"}).is_object()) object["metadata"] = json::object();
  const std::string prefix = text(object, {"metadata", "generateName"});
  if (name_of(object).empty() && !prefix.empty()) object["metadata"]["name"] = prefix + make_suffix(5);
  if (auto refusal = prepare_create(info, name_space, object)) return refuse(std::move(*refusal));
  const std::string name = name_of(object);
  if (auto refusal = check_namespace(info, name_space, name)) return refuse(std::move(*refusal));
  if (find(info, {info.resource.namespaced ? name_space : "", name}) != nullptr)
    return refuse(already_exists(info, name));
  object["metadata"]["uid"] = random_uid();
  object["metadata"]["creationTimestamp"] = format_seconds(clock_.now());
  if (options.dry_run) return std::make_shared<const json>(std::move(object));
  return commit(info, Change::Type::kAdded, std::move(object), nullptr);
}

Answer<Object> ObjectStore::replace(const k8s::Resource& resource, const k8s::ObjectKey& key, json object,
                                    WriteOptions options) {
  const ResourceInfo& info = info_of(resource);
  const std::string version = text(object, {"metadata", "resourceVersion"});
  return edit(
      resource, key,
      [&](json& current) -> std::optional<Refusal> {
        if (version.empty() && info.conditional_update) {
          return invalid(info, key.name,
                         {"FieldValueInvalid", "Invalid value: 0: must be specified for an update",
                          "metadata.resourceVersion"});
        }
        if (version.empty())
          object["metadata"]["resourceVersion"] = text(current, {"metadata", "resourceVersion"});
        current = std::move(object);
        return std::nullopt;
      },
      options);
}

Answer<Object> ObjectStore::edit(const k8s::Resource& resource, const k8s::ObjectKey& key, const Edit& edit,
                                 WriteOptions options) {
  const std::lock_guard lock(mutex_);
  return write(info_of(resource), key, edit, options);
}

Answer<Object> ObjectStore::write(const ResourceInfo& info, const k8s::ObjectKey& key, const Edit& edit,
                                  WriteOptions options) {
  const Object* found = find(info, key);
  if (found == nullptr) return refuse(not_found(info, key.name));
  const Object current = *found;
  json next = *current;
  if (auto refusal = edit(next)) return refuse(std::move(*refusal));
  if (auto refusal = check_identity(info, key, next)) return refuse(std::move(*refusal));
  if (text(next, {"metadata", "resourceVersion"}) != text(*current, {"metadata", "resourceVersion"}))
    return refuse(modified(info, key.name));
  if (auto refusal = prepare_update(info, *current, options.status, next)) return refuse(std::move(*refusal));
  if (next == *current) return current;
  if (options.dry_run) return std::make_shared<const json>(std::move(next));
  if (!is_finished(info, next)) return commit(info, Change::Type::kModified, std::move(next), current);
  const auto last = std::make_shared<const json>(next);
  commit(info, Change::Type::kDeleted, std::move(next), current);
  return last;
}

Answer<Deletion> ObjectStore::remove(const k8s::Resource& resource, const k8s::ObjectKey& key,
                                     const DeleteOptions& options) {
  const std::lock_guard lock(mutex_);
  const ResourceInfo& info = info_of(resource);
  const Object* found = find(info, key);
  if (found == nullptr) return refuse(not_found(info, key.name));
  const Object current = *found;
  if (auto refusal = check_preconditions(info, *current, options)) return refuse(std::move(*refusal));
  json next = *current;
  const bool marked = mark_for_deletion(info, next, grace_seconds(info, next, options), clock_.now());
  const bool finished = is_finished(info, next);
  if (options.dry_run) return Deletion{std::make_shared<const json>(std::move(next)), finished};
  if (finished) return Deletion{commit(info, Change::Type::kDeleted, std::move(next), current), true};
  if (!marked) return Deletion{current, false};
  return Deletion{commit(info, Change::Type::kModified, std::move(next), current), false};
}

Object ObjectStore::commit(const ResourceInfo& info, Change::Type type, json object, Object previous) {
  ++version_;
  object["metadata"]["resourceVersion"] = std::to_string(version_);
  const auto stored = std::make_shared<const json>(std::move(object));
  if (type == Change::Type::kDeleted) {
    objects_of(info).erase(key_of(*stored));
  } else {
    objects_of(info)[key_of(*stored)] = stored;
  }
  history_.push_back({version_, type, &info, stored, std::move(previous)});
  if (history_.size() > history_limit_) {
    compacted_ = history_.front().version;
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
  if (version < compacted_) {
    return refuse(expired("too old resource version: " + std::to_string(version) + " (" +
                          std::to_string(compacted_) + ")"));
  }
  const ResourceInfo* info = &info_of(resource);
  std::vector<Change> changes;
  const auto first =
      std::upper_bound(history_.begin(), history_.end(), version,
                       [](std::uint64_t v, const Change& change) { return v < change.version; });
  std::copy_if(first, history_.end(), std::back_inserter(changes),
               [&](const Change& change) { return change.info == info; });
  return changes;
}

void ObjectStore::compact() {
  const std::lock_guard lock(mutex_);
  history_.clear();
  compacted_ = version_;
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

std::string ObjectStore::make_suffix(std::size_t length) {
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";  // no vowels, no words
  std::string suffix(length, '\0');
  std::generate(suffix.begin(), suffix.end(), [&] { return kAlphabet[random_() % kAlphabet.size()]; });
  return suffix;
}

std::string ObjectStore::random_uid() {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string uid = "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx";
  for (char& c : uid)
    if (c == 'x') c = kHex[random_() % kHex.size()];
  return uid;
}

}  // namespace kintsugi::sandbox
