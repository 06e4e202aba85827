// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "k8s-client/runtime/client_adapters.h"
#include "k8s-client/runtime/informer.h"

namespace kintsugi::bench {

/// Watches the pods of a namespace that wear the quarantine label, and notes when each was first seen so.
/// Thread-safe.
class IsolationWatch {
 public:
  /// Returns once the watch stands; throws where it does not. The references must outlive this object.
  IsolationWatch(k8s::Client& client, const std::string& name_space, const Clock& clock, Logger& log);

  /// Blocks until the pod of this UID was seen in quarantine. Nothing at the deadline.
  std::optional<MonotonicTime> wait(const std::string& uid, MonotonicTime deadline);
  /// The same for all of them: the last one's time.
  std::optional<MonotonicTime> wait(const std::vector<std::string>& uids, MonotonicTime deadline);

 private:
  const Clock& clock_;
  k8s::ClientListWatchSource source_;
  k8s::Informer<k8s::Object> pods_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<std::string, MonotonicTime> seen_;  ///< guarded; by UID
  std::jthread thread_;
};

}  // namespace kintsugi::bench
