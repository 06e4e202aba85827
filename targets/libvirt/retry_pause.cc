// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/retry_pause.h"

#include <algorithm>

namespace kintsugi::targets {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirst{200};
constexpr milliseconds kLongest{5000};
/// Longer than the longest pause, or a host that fails as soon as it is used would be tried without one.
constexpr milliseconds kLasting{15000};

}  // namespace

milliseconds RetryPause::after_failure() {
  next_ = std::clamp(next_ * 2, kFirst, kLongest);
  return next_;
}

milliseconds RetryPause::after_success(std::chrono::nanoseconds lasted) {
  if (lasted >= kLasting) next_ = milliseconds(0);
  return after_failure();
}

}  // namespace kintsugi::targets
