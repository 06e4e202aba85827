// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "k8s-client/core/raw_json.h"
#include "k8s-client/core/resource.h"

namespace kintsugi::k8s {

/// Labels or annotations, sorted by key. Immutable; copies share their text, as the pods of one owner do.
class StringPairs {
 public:
  using Entries = std::vector<std::pair<std::string, std::string>>;

  StringPairs() = default;
  /// Sorts; of repeated keys the last one stays.
  explicit StringPairs(Entries entries);
  /// The value of `key`, or nullptr.
  const std::string* find(std::string_view key) const;
  const Entries& all() const;
  bool operator==(const StringPairs& other) const {
    return entries_ == other.entries_ || all() == other.all();
  }

 private:
  std::shared_ptr<const Entries> entries_;  ///< null: none
};

struct OwnerReference {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string uid;
  bool controller = false;
  bool operator==(const OwnerReference&) const = default;
};

/// What caches keep of an object's metadata. managedFields are never read (K4.8).
struct ObjectMeta {
  ObjectKey key;
  std::string uid;
  std::string resource_version;
  StringPairs labels;
  StringPairs annotations;  ///< only those that the reader was told to keep
  std::vector<OwnerReference> owners;
  std::optional<WallTime> deletion;  ///< deletionTimestamp
  bool has_finalizers = false;

  /// The owner with `controller: true`, or nullptr.
  const OwnerReference* controller() const;
};

/// What every slim struct derives from: `struct SlimPod : k8s::Object { std::string node; … };`.
struct Object {
  ObjectMeta metadata;
};

/// Reads an object's metadata. Not thread-safe: it keeps its memory, and equal label sets share theirs.
class ObjectMetaReader {
 public:
  /// Annotations are kept whose key starts with one of `annotation_prefixes`; they may be large, and most
  /// are.
  explicit ObjectMetaReader(std::vector<std::string> annotation_prefixes = {});
  ~ObjectMetaReader();

  /// kInvalidInput where the object has no name or a field has the wrong type.
  Result<ObjectMeta> read(RawJson object);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kintsugi::k8s
