// SPDX-License-Identifier: Apache-2.0
//
// Leader election over a Lease (K8). Election is no fence: two processes may believe to lead for a moment
// (K8.7). So every destructive action asks still_valid() right before it is sent and carries preconditions
// (K8.9), what it writes carries the fencing token (K8.10), and a process that lost the lease ends (K8.6).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "k8s-client/core/api_error.h"
#include "k8s-client/runtime/lease.h"

namespace kintsugi::k8s {

/// Where the lease is kept. Used from one thread. In production over a connection and a rate limiter of its
/// own, so that no other traffic can starve a renewal (K8.5).
class LeaseStore {
 public:
  virtual ~LeaseStore() = default;
  /// Nothing: there is no such lease.
  virtual ApiResult<std::optional<LeaseRecord>> get(std::chrono::nanoseconds timeout,
                                                    std::stop_token stop) = 0;
  /// Creates where record.resource_version is empty, else updates under that precondition. Returns what is
  /// stored.
  virtual ApiResult<LeaseRecord> put(const LeaseRecord& record, std::chrono::nanoseconds timeout,
                                     std::stop_token stop) = 0;
};

/// Calls a function when a deadline passes that nobody moved on: independent of all I/O (K8.8). In production
/// the function is `_exit`. Time in which the machine itself was suspended is not seen. Thread-safe.
class Watchdog {
 public:
  Watchdog(const Clock& clock, std::function<void()> bite) : clock_(clock), bite_(std::move(bite)) {}

  void arm(MonotonicTime deadline);
  void disarm() { arm(MonotonicTime::max()); }
  /// Watches on the calling thread until it has bitten or stop is requested.
  void run(std::stop_token stop);

 private:
  const Clock& clock_;
  const std::function<void()> bite_;
  std::mutex mutex_;
  std::condition_variable wake_;
  MonotonicTime deadline_ = MonotonicTime::max();
};

struct LeaseElectorOptions {
  std::string identity;  ///< unique to this run of this process
  LeaseTimes times{};
  std::uint64_t seed = 0;  ///< of the retries' jitter
  /// The highest token that effects of leaders are known to carry: the term is above it. Asked before each
  /// try to take the lease.
  std::function<std::int64_t()> highest_known_token{};
  /// Called on the elector's thread; must return soon.
  std::function<void(std::int64_t fencing_token)> on_started{};
  /// Leadership is over, or can no longer be proved. In production it ends the process (K8.6).
  std::function<void()> on_lost{};
};

/// run() has one thread; the rest is thread-safe.
class LeaseElector {
 public:
  /// All references and `watchdog` (may be null) must outlive this object.
  LeaseElector(LeaseElectorOptions options, LeaseStore& store, const Clock& clock, Logger& log,
               Watchdog* watchdog = nullptr);

  /// Tries for the lease and keeps it, on the calling thread. Returns nothing after a stop (a lease that is
  /// held is then released: stop the workers first, K8.11), kRefused once the lease was lost, kInvalidInput
  /// for times that cannot work or an empty identity.
  Result<void> run(std::stop_token stop);

  /// True when leadership will not end within `margin` even if no renewal succeeds any more. Reads no I/O's
  /// result but the last renewal's.
  bool still_valid(std::chrono::nanoseconds margin) const;
  /// The term of this leadership, or of the last one; 0 before the first.
  std::int64_t fencing_token() const { return fencing_token_.load(); }

 private:
  bool acquire(const std::stop_token& stop);
  bool keep(const std::stop_token& stop);
  MonotonicTime next_try();
  void step(const std::stop_token& stop);
  void read(const std::stop_token& stop);
  void write(const std::stop_token& stop);
  void give_up_lease();
  void publish();
  std::chrono::nanoseconds timeout_now() const;

  const LeaseElectorOptions options_;
  LeaseStore& store_;
  const Clock& clock_;
  Logger& log_;
  Watchdog* const watchdog_;
  LeaseElection election_;
  std::mt19937_64 random_;
  bool must_read_ = true;  ///< what is known of the lease may be old (K8.3: the slow path)
  std::atomic<MonotonicTime::rep> valid_until_{0};
  std::atomic<std::int64_t> fencing_token_{0};
};

}  // namespace kintsugi::k8s
