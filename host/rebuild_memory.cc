// SPDX-License-Identifier: Apache-2.0
#include "host/rebuild_memory.h"

namespace kintsugi::host {

RebuildFacts RebuildMemory::facts(const std::string& incident) const {
  std::lock_guard lock(mutex_);
  const auto found = facts_.find(incident);
  return found == facts_.end() ? RebuildFacts() : found->second;
}

void RebuildMemory::change(const std::string& incident, const std::function<void(RebuildFacts&)>& edit) {
  std::lock_guard lock(mutex_);
  edit(facts_[incident]);
}

void RebuildMemory::forget(const std::string& incident) {
  std::lock_guard lock(mutex_);
  facts_.erase(incident);
}

}  // namespace kintsugi::host
