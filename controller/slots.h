// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <stop_token>

#include "base/clock.h"

namespace kintsugi::controller {

/// A few places for work that needs much of something (memory) while it runs. Thread-safe. Must outlive its
/// turns.
class Slots {
 public:
  Slots(std::size_t count, const Clock& clock) : clock_(clock), free_(count) {}

  /// A place, given back when it is destroyed; or none.
  class Turn {
   public:
    explicit Turn(Slots* slots) : slots_(slots) {}
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    explicit operator bool() const { return slots_ != nullptr; }

   private:
    Slots* const slots_;
  };

  /// Waits for a place; none where the deadline has come or a stop was requested.
  Turn wait(MonotonicTime deadline, const std::stop_token& stop);

 private:
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t free_;  ///< guarded
};

}  // namespace kintsugi::controller
