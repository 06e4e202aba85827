// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"

namespace kintsugi::controller {

/// How often the look by day asks registries about images: so many a minute of each registry, whatever the
/// number of workloads; after a quiet minute, a minute's worth at once. A breach asks when it has to and is
/// not counted. Thread-safe.
class SweepBudget {
 public:
  /// `images_per_minute`: of one registry; 0: no limit. `clock` must outlive the budget.
  SweepBudget(unsigned images_per_minute, const Clock& clock)
      : per_minute_(images_per_minute), clock_(clock) {}

  /// How long until `workload` may ask about its images; zero: now, and that turn is spent. The first call
  /// reserves the turn, later ones say how far it still is. Names that are no image references cost nothing.
  std::chrono::nanoseconds turn(const std::string& workload, const std::vector<std::string>& images);
  /// Gives up the turn of a workload that has gone.
  void forget(const std::string& workload);
  /// The registry of this image wants to be left alone for so long.
  void pause(const std::string& image, std::chrono::nanoseconds time);

 private:
  MonotonicTime reserve(const std::vector<std::string>& images, MonotonicTime now);

  const unsigned per_minute_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, MonotonicTime> spent_until_;  ///< guarded; by registry: what was reserved ends there
  std::map<std::string, MonotonicTime> turns_;        ///< guarded; by workload: those still to come
};

}  // namespace kintsugi::controller
