// SPDX-License-Identifier: Apache-2.0
#include "controller/key_memory.h"

namespace kintsugi::controller {

Result<std::string> KeyMemory::get(const trust::TextReference& reference, std::string& trouble) {
  auto value = reader_(reference);
  const Place where(reference.source, reference.text, reference.key);
  if (value) {
    known_.insert_or_assign(where, *value);
    return value;
  }
  const ErrorCode code = value.error().code;
  if (code == ErrorCode::kNotFound || code == ErrorCode::kInvalidInput) {
    known_.erase(where);
    return value;
  }
  const auto known = known_.find(where);
  if (known == known_.end()) return value;
  trouble = value.error().to_string();
  return known->second;
}

}  // namespace kintsugi::controller
