// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "k8s-client/runtime/work_queue.h"

namespace kintsugi::k8s {

/// What a reconcile says about its key (K5.4):
///   nothing           done; comes back when something changes
///   a duration        done for now; comes back after it
///   a retryable error comes back with a growing delay
///   any other error   a retry cannot help; comes back when something changes
using ReconcileResult = Result<std::optional<std::chrono::nanoseconds>>;

/// Level-triggered: gets a key, not an event, and looks for itself (K5.7). To return before `deadline`
/// (K5.6).
using Reconcile = std::function<ReconcileResult(const std::string& key, MonotonicTime deadline)>;

/// Takes keys from `queue` on the calling thread until it is shut down. An exception is a bug: it is logged,
/// counts as a retryable error, and does not leave this function.
void run_worker(WorkQueue& queue, const Reconcile& reconcile, std::chrono::nanoseconds reconcile_timeout,
                const Clock& clock, Logger& log);

}  // namespace kintsugi::k8s
