// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kintsugi::k8s {

/// A JSON pointer (RFC 6901) from its parts, each escaped: {"metadata", "labels", "a/b"} is
/// "/metadata/labels/a~1b".
std::string json_pointer(std::initializer_list<std::string_view> parts);

/// Builds an RFC 6902 patch in the order of the calls. A plain value. Bytes in values that are not UTF-8,
/// which the API never sends, become U+FFFD.
class JsonPatch {
 public:
  JsonPatch& test(std::string_view pointer, const nlohmann::json& value);
  JsonPatch& add(std::string_view pointer, const nlohmann::json& value);
  JsonPatch& replace(std::string_view pointer, const nlohmann::json& value);
  JsonPatch& remove(std::string_view pointer);

  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }
  /// The patch as one JSON array, members in the order op, path, value: the same calls give the same bytes,
  /// so that what was journaled can be hashed, shown and sent unchanged.
  std::string to_text() const;

 private:
  JsonPatch& append(std::string_view operation, std::string_view pointer, const nlohmann::json* value);

  std::string operations_;  ///< comma-separated
  std::size_t count_ = 0;
};

/// What the API server makes of `document`, for dry-run diffs. Like the server, and unlike RFC 6902 to the
/// letter, a `test` for null passes where the member is absent from an object that exists, and `replace` adds
/// such a member (measured on 1.34). All or nothing.
/// Operations other than JsonPatch's four are kUnsupported; a failed test and a missing path are kConflict
/// and name the operation's index.
Result<nlohmann::json> apply_json_patch(const nlohmann::json& document, std::string_view patch_text);

}  // namespace kintsugi::k8s
