// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "base/document.h"

namespace kintsugi {

/// Notices a repeated key while an object is being read. Small objects are compared directly; the set is for
/// the rare large one, which would be quadratic.
class UniqueKeys {
 public:
  /// To be called after each key was appended to `members`: false when the last one stands there already.
  bool admit_last(const std::vector<Node::Member>& members) {
    const std::string& key = members.back().key;
    if (members.size() <= kFew) {
      for (std::size_t i = 0; i + 1 < members.size(); ++i) {
        if (members[i].key == key) return false;
      }
      return true;
    }
    if (seen_.empty()) {
      for (std::size_t i = 0; i + 1 < members.size(); ++i) seen_.insert(members[i].key);
    }
    return seen_.insert(key).second;
  }

 private:
  static constexpr std::size_t kFew = 16;
  std::unordered_set<std::string> seen_;
};

}  // namespace kintsugi
