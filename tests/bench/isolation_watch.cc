// SPDX-License-Identifier: Apache-2.0
#include "isolation_watch.h"

#include <nlohmann/json.hpp>

#include "cluster.h"

namespace kintsugi::bench {
namespace {

constexpr std::chrono::seconds kSyncPatience{20};

k8s::InformerOptions options() {
  k8s::InformerOptions options;
  options.name = "quarantined pods";
  options.list_watch.label_selector = "kintsugi.dev/quarantine=true";
  return options;
}

}  // namespace

IsolationWatch::IsolationWatch(k8s::Client& client, const std::string& name_space, const Clock& clock,
                               Logger& log)
    : clock_(clock),
      source_(client, k8s::kPods, name_space),
      pods_(source_, [](k8s::RawJson) { return Result<k8s::Object>(k8s::Object()); }, options(), clock, log) {
  pods_.add_handler([this](const k8s::Change<k8s::Object>& change) {
    if (change.now == nullptr) return;
    const MonotonicTime now = clock_.monotonic();
    const std::lock_guard lock(mutex_);
    if (seen_.try_emplace(change.now->metadata.uid, now).second) changed_.notify_all();
  });
  thread_ = std::jthread([this](std::stop_token stop) { pods_.run(std::move(stop)); });
  need(pods_.wait_for_sync(clock_.monotonic() + kSyncPatience, {}));
}

std::optional<MonotonicTime> IsolationWatch::wait(const std::string& uid, MonotonicTime deadline) {
  std::unique_lock lock(mutex_);
  while (true) {
    if (const auto found = seen_.find(uid); found != seen_.end()) return found->second;
    if (clock_.monotonic() >= deadline) return std::nullopt;
    clock_.wait_until(lock, changed_, deadline);
  }
}

std::optional<MonotonicTime> IsolationWatch::wait(const std::vector<std::string>& uids,
                                                  MonotonicTime deadline) {
  MonotonicTime last{};
  for (const std::string& uid : uids) {
    const auto seen = wait(uid, deadline);
    if (!seen) return std::nullopt;
    last = std::max(last, *seen);
  }
  return last;
}

}  // namespace kintsugi::bench
