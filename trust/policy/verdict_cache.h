// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "trust/policy/verdict.h"

namespace kintsugi::trust {

struct VerdictCacheOptions {
  std::chrono::seconds accepted_lifetime{86'400};
  std::chrono::seconds refused_lifetime{30};  ///< short: a signature may be on its way
  std::size_t max_entries = 4096;             ///< the least recently used goes first
};

/// Verdicts by what they depend on. A verdict about the registry (`retryable`) is never kept. Thread-safe.
class VerdictCache {
 public:
  /// `clock` must outlive this object.
  explicit VerdictCache(const Clock& clock, VerdictCacheOptions options = {});

  std::optional<Verdict> find(const std::string& key);
  void put(const std::string& key, const Verdict& verdict);

 private:
  struct Entry {
    std::string key;
    Verdict verdict;
    MonotonicTime expiry;
  };

  const Clock& clock_;
  const VerdictCacheOptions options_;
  std::mutex mutex_;
  std::list<Entry> entries_;  ///< most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

}  // namespace kintsugi::trust
