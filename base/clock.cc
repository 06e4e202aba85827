// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <algorithm>

namespace kintsugi {

WallTime SystemClock::now() const {
  return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

MonotonicTime SystemClock::monotonic() const {
  return std::chrono::steady_clock::now();
}

void SystemClock::wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake,
                             MonotonicTime deadline) const {
  // A far deadline would overflow inside the standard library; waiters loop on their predicate anyway.
  wake.wait_until(lock, std::min(deadline, monotonic() + std::chrono::hours(1)));
}

ManualClock::ManualClock(WallTime start) : wall_(start), monotonic_(std::chrono::hours(1)) {}

WallTime ManualClock::now() const {
  std::lock_guard lock(mutex_);
  return wall_;
}

MonotonicTime ManualClock::monotonic() const {
  std::lock_guard lock(mutex_);
  return monotonic_;
}

void ManualClock::wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake,
                             MonotonicTime deadline) const {
  if (monotonic() >= deadline) return;
  // The mover of this clock does not know who waits, so waiters look again soon.
  wake.wait_for(lock, std::chrono::milliseconds(2));
}

void ManualClock::advance(std::chrono::nanoseconds by) {
  std::lock_guard lock(mutex_);
  wall_ += by;
  monotonic_ += by;
}

void ManualClock::jump_wall(std::chrono::nanoseconds by) {
  std::lock_guard lock(mutex_);
  wall_ += by;
}

}  // namespace kintsugi
