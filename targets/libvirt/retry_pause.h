// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace kintsugi::targets {

/// How long to wait before a host is tried again: a fifth of a second, twice as long after each failure, five
/// seconds at most. What succeeded and did not last is a failure. Pure.
class RetryPause {
 public:
  std::chrono::milliseconds after_failure();
  std::chrono::milliseconds after_success(std::chrono::nanoseconds lasted);

 private:
  std::chrono::milliseconds next_{0};  ///< 0: nothing has failed
};

}  // namespace kintsugi::targets
