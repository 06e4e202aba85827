// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/client/wait.h"

#include <condition_variable>
#include <mutex>

namespace kintsugi::k8s {

bool wait_until(const Clock& clock, MonotonicTime deadline, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable wake;
  const std::stop_callback on_stop(stop, [&] {
    std::lock_guard lock(mutex);
    wake.notify_all();
  });
  std::unique_lock lock(mutex);
  while (!stop.stop_requested() && clock.monotonic() < deadline) clock.wait_until(lock, wake, deadline);
  return !stop.stop_requested();
}

}  // namespace kintsugi::k8s
