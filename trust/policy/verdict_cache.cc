// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/verdict_cache.h"

namespace kintsugi::trust {

VerdictCache::VerdictCache(const Clock& clock, VerdictCacheOptions options)
    : clock_(clock), options_(options) {}

std::optional<Verdict> VerdictCache::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  const auto entry = found->second;
  if (entry->expiry <= clock_.monotonic()) {
    entries_.erase(entry);
    by_key_.erase(found);
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  return entry->verdict;
}

void VerdictCache::put(const std::string& key, const Verdict& verdict) {
  if (verdict.retryable || options_.max_entries == 0) return;
  const auto lifetime = verdict.accepted ? options_.accepted_lifetime : options_.refused_lifetime;
  const std::lock_guard lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    entries_.erase(found->second);
    by_key_.erase(found);
  }
  entries_.push_front({key, verdict, clock_.monotonic() + lifetime});
  by_key_[key] = entries_.begin();
  if (entries_.size() > options_.max_entries) {
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

}  // namespace kintsugi::trust
