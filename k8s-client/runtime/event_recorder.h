// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "k8s-client/core/api_error.h"
#include "k8s-client/runtime/event_aggregator.h"

namespace kintsugi::k8s {

/// The Events API. Used from one thread.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual ApiResult<void> create(const std::string& name_space, const std::string& event,
                                 std::stop_token stop) = 0;
  virtual ApiResult<void> patch(const ObjectKey& key, const std::string& patch, std::stop_token stop) = 0;
};

struct EventRecorderCounters {
  std::uint64_t recorded = 0;
  std::uint64_t dropped = 0;  ///< the queue was full
  std::uint64_t written = 0;
  std::uint64_t failed = 0;  ///< given up
};

/// Tells people by Events, without ever holding anybody up (K9.3). record() and counters() are thread-safe.
class EventRecorder {
 public:
  static constexpr std::size_t kMaxQueue = 1000;

  /// All references must outlive this object. `seed` is of the retries' jitter.
  EventRecorder(EventAggregator aggregator, EventSink& sink, const Clock& clock, Logger& log,
                std::uint64_t seed = 0);

  /// Never blocks; drops `note` when the queue is full.
  void record(EventNote note);
  /// Writes on the calling thread until stop is requested. What waits then is lost (K9.5).
  void run(std::stop_token stop);
  EventRecorderCounters counters() const;

 private:
  struct Pending {
    EventNote note;
    WallTime stamp;
  };

  void write(const EventWrite& write, const std::stop_token& stop);
  ApiResult<void> send(const EventWrite& write, const std::stop_token& stop);
  void count(std::uint64_t EventRecorderCounters::* counter);

  EventAggregator aggregator_;
  EventSink& sink_;
  const Clock& clock_;
  Logger& log_;
  std::mt19937_64 random_;

  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable wake_;
  std::deque<Pending> queue_;
  EventRecorderCounters counters_;
};

}  // namespace kintsugi::k8s
