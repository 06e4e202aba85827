// SPDX-License-Identifier: Apache-2.0
#include "controller/slots.h"

namespace kintsugi::controller {

Slots::Turn::~Turn() {
  if (slots_ == nullptr) return;
  const std::lock_guard lock(slots_->mutex_);
  ++slots_->free_;
  slots_->changed_.notify_all();
}

Slots::Turn Slots::wait(MonotonicTime deadline, const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  while (free_ == 0 && !stop.stop_requested() && clock_.monotonic() < deadline) {
    clock_.wait_until(lock, changed_, deadline);
  }
  if (free_ == 0 || stop.stop_requested() || clock_.monotonic() >= deadline) return Turn(nullptr);
  --free_;
  return Turn(this);
}

}  // namespace kintsugi::controller
