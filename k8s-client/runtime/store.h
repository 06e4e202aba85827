// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "k8s-client/runtime/object_meta.h"

namespace kintsugi::k8s {

using ObjectPointer = std::shared_ptr<const Object>;

/// What an object is filed under; it may be several values or none. Pure: it is asked again when the object
/// goes.
using IndexFunction = std::function<std::vector<std::string>(const Object&)>;

/// The namespace; the UIDs of all owners; the value of one label.
IndexFunction index_by_namespace();
IndexFunction index_by_owner_uid();
IndexFunction index_by_label(std::string key);

/// One change of the store: nothing → `now` (added), `old` → `now` (updated), `old` → nothing (deleted).
struct StoreChange {
  ObjectPointer old;
  ObjectPointer now;
};

/// Objects by key and by what index functions say of them (K4.5). The objects are immutable and shared: what
/// a reader got stays as it was. Thread-safe for any number of readers and one writer; readers see each write
/// whole.
class Store {
 public:
  /// Before the first write.
  void add_index(std::string name, IndexFunction function);

  ObjectPointer get(const ObjectKey& key) const;
  /// In no order; empty also for an index that does not exist. Costs as much as the answer is long.
  std::vector<ObjectPointer> by_index(std::string_view index, const std::string& value) const;
  std::vector<ObjectPointer> list() const;
  std::size_t size() const;

  /// Puts `object` in the place of the one with its key, which is returned.
  ObjectPointer apply(ObjectPointer object);
  /// Returns what was there.
  ObjectPointer remove(const ObjectKey& key);
  /// Makes the store hold exactly `objects`; of a repeated key the last one. Reports what that changed; an
  /// object with the UID and the version of the old one changes nothing, one with another UID is a deletion
  /// and an addition.
  std::vector<StoreChange> replace(const std::vector<ObjectPointer>& objects);

 private:
  /// By key, looked up without building an object.
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(const ObjectKey& key) const { return std::hash<ObjectKey>()(key); }
    std::size_t operator()(const ObjectPointer& object) const { return (*this)(object->metadata.key); }
  };
  struct KeyEqual {
    using is_transparent = void;
    bool operator()(const ObjectPointer& left, const ObjectPointer& right) const {
      return left->metadata.key == right->metadata.key;
    }
    bool operator()(const ObjectKey& key, const ObjectPointer& object) const {
      return key == object->metadata.key;
    }
    bool operator()(const ObjectPointer& object, const ObjectKey& key) const {
      return object->metadata.key == key;
    }
  };
  using Objects = std::unordered_set<ObjectPointer, KeyHash, KeyEqual>;
  struct Index {
    IndexFunction function;
    std::unordered_map<std::string, std::unordered_set<ObjectPointer>> buckets;
  };

  ObjectPointer find(const ObjectKey& key) const;
  ObjectPointer put(ObjectPointer object);
  ObjectPointer take(const ObjectKey& key);

  mutable std::shared_mutex mutex_;
  Objects objects_;
  std::map<std::string, Index, std::less<>> indexes_;
};

}  // namespace kintsugi::k8s
