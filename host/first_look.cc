// SPDX-License-Identifier: Apache-2.0
#include "host/first_look.h"

#include <condition_variable>
#include <mutex>

#include "targets/libvirt/retry_pause.h"

namespace kintsugi::host {
namespace {

void pause_for(std::chrono::milliseconds pause, const Clock& clock, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable wake;
  const std::stop_callback on_stop(stop, [&] {
    std::lock_guard lock(mutex);
    wake.notify_all();
  });
  const MonotonicTime end = clock.monotonic() + pause;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested() && clock.monotonic() < end) clock.wait_until(lock, wake, end);
}

}  // namespace

bool is_misconfigured(const Error& error) {
  return error.code == ErrorCode::kInvalidInput || error.code == ErrorCode::kUnsupported ||
         error.code == ErrorCode::kUnauthorized || error.code == ErrorCode::kForbidden;
}

Result<void> await_domains(DomainInventory& inventory, const Clock& clock, Logger& log,
                           const std::stop_token& stop) {
  targets::RetryPause pause;
  while (!stop.stop_requested()) {
    const auto known = inventory.domains();
    if (known) return {};
    if (is_misconfigured(known.error())) return fail(known.error());
    log.warning("The hypervisor does not tell its domains", {{"error", known.error().to_string()}});
    pause_for(pause.after_failure(), clock, stop);
  }
  return fail(ErrorCode::kCancelled, "stopped before the domains were known");
}

}  // namespace kintsugi::host
