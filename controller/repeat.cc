// SPDX-License-Identifier: Apache-2.0
#include "controller/repeat.h"

#include "k8s-client/client/wait.h"

namespace kintsugi::controller {

std::jthread repeat(const Clock& clock, std::chrono::seconds pause,
                    std::function<void(const std::stop_token&)> work) {
  return std::jthread([&clock, pause, work = std::move(work)](const std::stop_token& stop) {
    while (k8s::wait_until(clock, clock.monotonic() + pause, stop)) work(stop);
  });
}

}  // namespace kintsugi::controller
