// SPDX-License-Identifier: Apache-2.0
//
// All time comes from a Clock. Wall time is for stamps that people read and that travel; monotonic time is
// for deadlines. They are different types, so that one cannot stand in for the other.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace kintsugi {

/// UTC, nanoseconds since the epoch.
using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;
/// Never goes back; comparable within one process only.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

/// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() const = 0;
  virtual MonotonicTime monotonic() const = 0;
  /// Waits on `wake` until it is notified (or spuriously) or `deadline` has come. `lock` is held before and
  /// after.
  virtual void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake,
                          MonotonicTime deadline) const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  WallTime now() const override;
  MonotonicTime monotonic() const override;
  void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake,
                  MonotonicTime deadline) const override;
};

/// A clock that moves only when told to; waiters see a move within a few milliseconds of real time.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(
      WallTime start = WallTime(std::chrono::seconds(1'767'225'600)));  // 2026-01-01T00:00:00Z

  WallTime now() const override;
  MonotonicTime monotonic() const override;
  void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake,
                  MonotonicTime deadline) const override;

  /// Moves both clocks.
  void advance(std::chrono::nanoseconds by);
  /// Moves the wall clock only, as an operator or NTP may.
  void jump_wall(std::chrono::nanoseconds by);

 private:
  mutable std::mutex mutex_;
  WallTime wall_;
  MonotonicTime monotonic_;
};

}  // namespace kintsugi
