// SPDX-License-Identifier: Apache-2.0
//
// The queue between informers and workers, with the semantics of client-go's workqueue (K5): a key is waiting
// at most once, is worked on by one worker at a time, and a key added while it is worked on is worked on
// again.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "k8s-client/runtime/backoff.h"

namespace kintsugi::k8s {

/// Strict: a lower class waits while there is work of a higher one (K5.5). FIFO within a class.
enum class WorkPriority : std::uint8_t { kContainment, kNormal, kHousekeeping };

struct WorkQueueOptions {
  /// Of each key's retries (K5.3). Capped where a person still waits: an API server that comes back must not
  /// find an incident asleep for a quarter of an hour, which is K5.3's cap.
  BackoffPolicy retry{
      .initial = std::chrono::milliseconds(5), .cap = std::chrono::seconds(30), .jitter = 0.0};
  /// Of all keys' retries together; containment is exempt (K5.3).
  double retries_per_second = 10;
  unsigned retry_burst = 100;
  /// How many keys below containment are worked on at once. With more workers than that, some are always free
  /// for containment, whatever the others wait for (K5.5).
  std::size_t most_other_work = std::numeric_limits<std::size_t>::max();
};

struct WorkQueueMetrics {
  std::size_t depth = 0;    ///< ready
  std::size_t delayed = 0;  ///< waiting for their time
  std::size_t working = 0;
  std::uint64_t adds = 0;
  std::uint64_t retries = 0;
  std::chrono::nanoseconds unfinished{0};       ///< of all that are being worked on, together
  std::chrono::nanoseconds longest_running{0};  ///< of those being worked on
};

/// Is told durations as they end, on the worker's thread. Must be thread-safe.
class WorkQueueObserver {
 public:
  virtual ~WorkQueueObserver() = default;
  /// From being ready to being taken.
  virtual void on_taken(std::chrono::nanoseconds queued) = 0;
  virtual void on_done(std::chrono::nanoseconds worked) = 0;
};

/// Thread-safe.
class WorkQueue {
 public:
  /// `clock` and `observer` (may be null) must outlive the queue.
  explicit WorkQueue(const Clock& clock, WorkQueueOptions options = {},
                     WorkQueueObserver* observer = nullptr);

  /// Makes `key` ready. One that is ready already stays where it is, or moves up when this is more urgent.
  void add(const std::string& key, WorkPriority priority = WorkPriority::kNormal);
  /// Makes `key` ready after `delay`; of several delays the earliest one counts (K5.2), with the highest
  /// priority.
  void add_after(const std::string& key, std::chrono::nanoseconds delay,
                 WorkPriority priority = WorkPriority::kNormal);
  /// add_after with the key's own growing delay, and not faster than all retries together may go (K5.3).
  void retry(const std::string& key, WorkPriority priority = WorkPriority::kNormal);
  /// The key's next retry waits the initial delay again.
  void forget(const std::string& key);
  unsigned retries_of(const std::string& key) const;

  struct Item {
    std::string key;
    WorkPriority priority = WorkPriority::kNormal;
  };
  /// Blocks for the most urgent key and gives it to the caller, who must call done() with it. Nothing after
  /// shut_down().
  std::optional<Item> get();
  void done(const std::string& key);

  /// Refuses additions, drops what waits (every key is found again by the next start's listing), wakes
  /// getters.
  void shut_down();
  /// Blocks until no key is being worked on. False at the deadline (K5.6).
  bool drain(MonotonicTime deadline);

  WorkQueueMetrics metrics() const;

 private:
  using Place = std::pair<WorkPriority, std::uint64_t>;  ///< orders what is ready: class, then age
  struct Ready {
    Place place;
    MonotonicTime since;
  };
  struct Delayed {
    MonotonicTime ready_at;
    WorkPriority priority;
  };
  /// K5.1's "dirty" is the union of ready_ and of the working keys with `again`.
  struct Working {
    MonotonicTime since;
    WorkPriority priority;
    std::optional<WorkPriority> again;
  };

  void make_ready(const std::string& key, WorkPriority priority);
  void delay(const std::string& key, MonotonicTime ready_at, WorkPriority priority);
  void promote_due(MonotonicTime now);
  bool may_take_first() const;
  Item take_first(MonotonicTime now);
  MonotonicTime reserve_retry(MonotonicTime now);

  const Clock& clock_;
  const WorkQueueOptions options_;
  WorkQueueObserver* const observer_;

  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable ready_or_shut_down_;
  std::condition_variable idle_;
  bool shut_down_ = false;
  std::uint64_t next_sequence_ = 0;
  std::map<Place, std::string> order_;
  std::unordered_map<std::string, Ready> ready_;
  std::unordered_map<std::string, Working> working_;
  std::size_t other_work_ = 0;  ///< of working_, below containment
  std::unordered_map<std::string, Delayed> delayed_;
  std::set<std::pair<MonotonicTime, std::string>> due_;  ///< delayed_ by time
  std::unordered_map<std::string, unsigned> failures_;
  MonotonicTime next_free_retry_{};  ///< when a bucket without a burst would let the next retry go
  std::uint64_t adds_ = 0;
  std::uint64_t retries_ = 0;
};

}  // namespace kintsugi::k8s
