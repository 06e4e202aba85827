// SPDX-License-Identifier: Apache-2.0
//
// What this process counts while it runs. The recovery metrics are not among it: they come from the records
// (metrics/recovery.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace prometheus {
struct MetricFamily;
}

namespace kintsugi::metrics {

enum class ActionResult : std::uint8_t { kApplied, kFailed, kUndone, kAbandoned };
enum class EvidenceResult : std::uint8_t { kStored, kFailed };
/// kWarned: accepted, though a policy in mode warn would have refused it. kUnavailable: the registry could
/// not be asked, which says nothing about the image.
enum class VerificationResult : std::uint8_t { kAccepted, kWarned, kRefused, kUnavailable };
/// Of a pod that was asked about; kUndecided: allowed although an image could not be verified.
enum class AdmissionResult : std::uint8_t { kAllowed, kRefused, kUndecided };
enum class ReconcileResult : std::uint8_t { kSuccess, kError, kRequeue, kRequeueAfter };

/// A work queue at one moment.
struct QueueState {
  std::size_t depth = 0;
  std::uint64_t adds = 0;
  std::uint64_t retries = 0;
  std::chrono::nanoseconds unfinished{0};  ///< of all that is being worked on, together
  std::chrono::nanoseconds longest_running{0};
};

/// One controller with its work queue, under controller-runtime's names. Thread-safe.
class ControllerMetrics {
 public:
  virtual ~ControllerMetrics() = default;
  virtual void reconcile_started() = 0;
  virtual void reconcile_ended(ReconcileResult result, std::chrono::nanoseconds took) = 0;
  /// An error that no retry can help; reconcile_ended(kError) comes as well.
  virtual void count_terminal_error() = 0;
  /// From being ready to being taken.
  virtual void queue_taken(std::chrono::nanoseconds queued) = 0;
  virtual void queue_done(std::chrono::nanoseconds worked) = 0;
  /// Called at each scrape; must not block, nor call back. After set_queue({}) it is not called any more.
  virtual void set_queue(std::function<QueueState()> state) = 0;
};

struct ControllerOptions {
  std::string name;
  unsigned workers = 1;
};

struct RegistryOptions {
  std::string version;
  std::string revision;
  std::string api_host;                        ///< "host:port" of the API server
  std::string lease;                           ///< name of the leader election's
  std::vector<ControllerOptions> controllers;  ///< at most two: each has 40 lines in one family
};

/// Every known label set is there at 0 from the start. Thread-safe and cheap: no call but collect() waits for
/// a scrape.
class Registry {
 public:
  explicit Registry(const RegistryOptions& options);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// `disposition` is one of kDispositionValues, `received` when the signal came.
  void count_signal(std::string_view source, std::string_view disposition, WallTime received);
  /// `action` is the id of an action; `took` includes retries.
  void count_action(std::string_view action, ActionResult result, std::chrono::nanoseconds took);
  /// One object of evidence; `bytes` counts where it was stored.
  void count_evidence(std::string_view kind, EvidenceResult result, std::uint64_t bytes);
  void count_image_verification(VerificationResult result);
  void count_admission(AdmissionResult result);
  /// One request to a path of the webhook; `status` is that of HTTP.
  void observe_webhook(std::string_view path, int status, std::chrono::nanoseconds took);
  void set_protected_workloads(bool containable, bool prepared, std::size_t count);
  void set_leading(bool leading);
  /// One exchange with the API server; `status` is 0 where no answer came.
  void observe_request(std::string_view method, int status, std::chrono::nanoseconds took);
  /// One of the options' controllers; lives as long as the registry.
  ControllerMetrics& controller(std::string_view name);

  /// All families, with those of the process.
  std::vector<prometheus::MetricFamily> collect() const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace kintsugi::metrics
