// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "base/result.h"
#include "trust/policy/trust_policy.h"

namespace kintsugi::controller {

/// The public keys in ConfigMaps and Secrets that trust policies refer to, as they could be read last: an API
/// server that does not answer for a moment must not make a policy refuse everything. One thread at a time.
class KeyMemory {
 public:
  /// `reader` reads the text behind a reference now.
  explicit KeyMemory(trust::ObjectTextReader reader) : reader_(std::move(reader)) {}

  /// The value now; where that cannot be told and it was known, the last one, with `trouble` set to why. It
  /// is an error, and forgotten, where the server says for certain that there is no such object or key.
  Result<std::string> get(const trust::TextReference& reference, std::string& trouble);

 private:
  using Place = std::tuple<trust::TextReference::Source, std::string, std::string>;

  const trust::ObjectTextReader reader_;
  std::map<Place, std::string> known_;
};

}  // namespace kintsugi::controller
