// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/result.h"

namespace kintsugi::controller {

/// The public keys in ConfigMaps that trust policies refer to, as they could be read last: an API server that
/// does not answer for a moment must not make a policy refuse everything. One thread at a time.
class KeyMemory {
 public:
  /// The value of `key` in the ConfigMap `name` now.
  using Reader = std::function<Result<std::string>(const std::string& name, const std::string& key)>;

  explicit KeyMemory(Reader reader) : reader_(std::move(reader)) {}

  /// The value now; where that cannot be told and it was known, the last one, with `trouble` set to why. It
  /// is an error, and forgotten, where the server says for certain that there is no such ConfigMap or key.
  Result<std::string> get(const std::string& name, const std::string& key, std::string& trouble);

 private:
  const Reader reader_;
  std::map<std::pair<std::string, std::string>, std::string> known_;  ///< by name and key
};

}  // namespace kintsugi::controller
