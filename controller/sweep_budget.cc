// SPDX-License-Identifier: Apache-2.0
#include "controller/sweep_budget.h"

#include <algorithm>

#include "trust/oci/image_reference.h"

namespace kintsugi::controller {
namespace {

constexpr std::chrono::minutes kMinute{1};

/// Empty where it names no image.
std::string registry_of(const std::string& image) {
  const auto reference = trust::ImageReference::parse(image);
  return reference ? reference->registry : "";
}

}  // namespace

std::chrono::nanoseconds SweepBudget::turn(const std::string& workload,
                                           const std::vector<std::string>& images) {
  if (per_minute_ == 0) return std::chrono::nanoseconds(0);
  const MonotonicTime now = clock_.monotonic();
  const std::lock_guard lock(mutex_);
  auto found = turns_.find(workload);
  if (found == turns_.end()) found = turns_.emplace(workload, reserve(images, now)).first;
  if (found->second > now) return found->second - now;
  turns_.erase(found);
  return std::chrono::nanoseconds(0);
}

/// Each registry's images move the end of what is reserved there; a turn is due once that end is at most a
/// minute ahead.
MonotonicTime SweepBudget::reserve(const std::vector<std::string>& images, MonotonicTime now) {
  const std::chrono::nanoseconds cost = std::chrono::nanoseconds(kMinute) / per_minute_;
  std::erase_if(spent_until_, [now](const auto& registry) { return registry.second <= now; });
  MonotonicTime due = now;
  for (const std::string& image : images) {
    const std::string registry = registry_of(image);
    if (registry.empty()) continue;
    MonotonicTime& end = spent_until_.try_emplace(registry, now).first->second;
    end += cost;
    due = std::max(due, end - kMinute);
  }
  return due;
}

void SweepBudget::forget(const std::string& workload) {
  const std::lock_guard lock(mutex_);
  turns_.erase(workload);
}

void SweepBudget::pause(const std::string& image, std::chrono::nanoseconds time) {
  const std::string registry = registry_of(image);
  if (per_minute_ == 0 || registry.empty()) return;
  const MonotonicTime until = clock_.monotonic() + time + kMinute;
  const std::lock_guard lock(mutex_);
  MonotonicTime& end = spent_until_.try_emplace(registry, until).first->second;
  end = std::max(end, until);
}

}  // namespace kintsugi::controller
