// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/worker.h"

#include <exception>

namespace kintsugi::k8s {
namespace {

ReconcileResult call(const Reconcile& reconcile, const std::string& key, MonotonicTime deadline) {
  Error error;
  try {
    return reconcile(key, deadline);
  } catch (const std::exception& bug) {
    error = make_error(ErrorCode::kInternal, std::string("exception: ") + bug.what());
  } catch (...) {
    error = make_error(ErrorCode::kInternal, "exception of an unknown type");
  }
  error.retryable = true;
  return fail(std::move(error));
}

void requeue(WorkQueue& queue, const WorkQueue::Item& item, const ReconcileResult& result, Logger& log) {
  if (result) {
    queue.forget(item.key);
    if (*result) queue.add_after(item.key, **result, item.priority);
    return;
  }
  log.warning(result.error().retryable ? "reconciling failed, retrying" : "reconciling failed",
              {{"key", item.key}, {"error", result.error().to_string()}});
  if (result.error().retryable) {
    queue.retry(item.key, item.priority);
  } else {
    queue.forget(item.key);
  }
}

}  // namespace

void run_worker(WorkQueue& queue, const Reconcile& reconcile, std::chrono::nanoseconds reconcile_timeout,
                const Clock& clock, Logger& log) {
  while (const auto item = queue.get()) {
    requeue(queue, *item, call(reconcile, item->key, clock.monotonic() + reconcile_timeout), log);
    queue.done(item->key);
  }
}

}  // namespace kintsugi::k8s
