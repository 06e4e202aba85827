// SPDX-License-Identifier: Apache-2.0
#include "net/http.h"

#include "net/header_rules.h"

namespace kintsugi::net {
void Headers::add(std::string name, std::string value) {
  entries_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string name, std::string value) {
  std::erase_if(entries_, [&](const auto& entry) { return equals_ignoring_case(entry.first, name); });
  add(std::move(name), std::move(value));
}

const std::string* Headers::find(std::string_view name) const {
  for (const auto& [key, value] : entries_) {
    if (equals_ignoring_case(key, name)) return &value;
  }
  return nullptr;
}

}  // namespace kintsugi::net
