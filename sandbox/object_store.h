// SPDX-License-Identifier: Apache-2.0
//
// The objects of the pocket cluster with the API server's semantics: one counter of resource versions,
// optimistic concurrency, finalizers and graceful deletion, and a window of history for watches. No schemas,
// no admission; dependents are collected in the background, whatever the propagation policy says.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "sandbox/fields.h"
#include "sandbox/refusal.h"

namespace kintsugi::sandbox {

/// Which objects a list or watch is about.
struct Selection {
  std::string name_space = {};  ///< empty: all
  Labels labels = {};           ///< that the object wears, all of them
  Labels fields = {};           ///< "metadata.name" and its like, and what they are

  bool matches(const nlohmann::json& object) const;
};

struct Listing {
  std::vector<Object> objects;  ///< by namespace and name
  std::uint64_t version = 0;    ///< of the store at that moment
};

/// One write, as the history keeps it.
struct Change {
  enum class Type : std::uint8_t { kAdded, kModified, kDeleted };

  std::uint64_t version = 0;
  Type type = Type::kAdded;
  const ResourceInfo* info = nullptr;
  Object object;    ///< after; of a deletion: the last state with the version of the deletion
  Object previous;  ///< before; null for kAdded
};

/// What a watcher with a selection is told about a change: an object that moves into or out of the selection
/// is added or deleted. Nothing where the change is not about the selection.
std::optional<Change> seen_through(const Selection& selection, const Change& change);

struct WriteOptions {
  bool dry_run = false;
  bool status = false;  ///< to the status subresource
};

struct DeleteOptions {
  std::string uid = {};               ///< precondition; empty: none
  std::string resource_version = {};  ///< precondition; empty: none
  std::optional<std::int64_t> grace_seconds = {};
  bool dry_run = false;
};

/// Changes a copy of the current object in place.
using Edit = std::function<void(nlohmann::json& object)>;

/// Thread-safe; one lock.
class ObjectStore {
 public:
  /// `clock` must outlive this object. `history`: how many changes a watch can go back.
  ObjectStore(const Clock& clock, std::uint64_t seed, std::size_t history = 4096);

  Answer<Object> get(const k8s::Resource& resource, const k8s::ObjectKey& key) const;
  Listing list(const k8s::Resource& resource, const Selection& selection = {}) const;
  std::vector<Object> all(const k8s::Resource& resource, const std::string& name_space = {}) const;

  Answer<Object> create(const k8s::Resource& resource, const std::string& name_space, nlohmann::json object,
                        WriteOptions options = {});
  /// PUT: `object` names the version it was made from, or none to overwrite whatever is there.
  Answer<Object> replace(const k8s::Resource& resource, const k8s::ObjectKey& key, nlohmann::json object,
                         WriteOptions options = {});
  /// PATCH, and how controllers write: read, edit and write under the lock.
  Answer<Object> edit(const k8s::Resource& resource, const k8s::ObjectKey& key, const Edit& edit,
                      WriteOptions options = {});
  /// The last state, or the now terminating one of an object that waits for its grace period or finalizers.
  Answer<Object> remove(const k8s::Resource& resource, const k8s::ObjectKey& key,
                        const DeleteOptions& options = {});

  /// The version of the last write.
  std::uint64_t version() const;
  /// The changes of one resource after `version`, in order; 410 where the history does not go back that far.
  Answer<std::vector<Change>> changes_after(const k8s::Resource& resource, std::uint64_t version) const;
  /// Blocks until something was written after `version`, `deadline` came or end_waits() was called.
  void wait_for_change(std::uint64_t version, MonotonicTime deadline) const;
  /// From now on nothing waits: for shutting down.
  void end_waits();

 private:
  using Objects = std::map<k8s::ObjectKey, Object>;

  Object find(const ResourceInfo& info, const k8s::ObjectKey& key) const;
  std::optional<Refusal> check_new(const ResourceInfo& info, const k8s::ObjectKey& key) const;
  Object commit(const ResourceInfo& info, Change::Type type, nlohmann::json object, Object previous);
  /// Puts random characters of `alphabet` in the place of each 'x'.
  std::string fill_in(std::string pattern, std::string_view alphabet);

  const Clock& clock_;
  const std::size_t history_limit_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool waits_ended_ = false;
  std::mt19937_64 random_;
  std::map<const ResourceInfo*, Objects> objects_;
  std::deque<Change> history_;
  std::uint64_t version_ = 1;
  std::uint64_t forgotten_ = 1;  ///< the history begins after this version
};

}  // namespace kintsugi::sandbox
