// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/event_recorder.h"

#include <utility>

#include "k8s-client/client/wait.h"

namespace kintsugi::k8s {
namespace {

using namespace std::chrono_literals;

constexpr int kTries = 12;  // K9.3
constexpr double kRetrySeconds = 10;
constexpr double kRetryJitter = 0.25;
constexpr auto kSweepEvery = 1min;

}  // namespace

EventRecorder::EventRecorder(EventAggregator aggregator, EventSink& sink, const Clock& clock, Logger& log,
                             std::uint64_t seed)
    : aggregator_(std::move(aggregator)), sink_(sink), clock_(clock), log_(log), random_(seed) {}

void EventRecorder::record(EventNote note) {
  const WallTime stamp = clock_.now();
  const std::lock_guard lock(mutex_);
  ++counters_.recorded;
  if (queue_.size() >= kMaxQueue) {
    ++counters_.dropped;
    return;
  }
  queue_.push_back({std::move(note), stamp});
  wake_.notify_one();
}

void EventRecorder::run(std::stop_token stop) {
  const std::stop_callback on_stop(stop, [this] {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  });
  MonotonicTime next_sweep = clock_.monotonic() + kSweepEvery;
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (!queue_.empty()) {
      const Pending pending = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      if (const auto needed = aggregator_.record(pending.note, pending.stamp, clock_.monotonic()))
        write(*needed, stop);
      lock.lock();
    } else if (clock_.monotonic() < next_sweep) {
      clock_.wait_until(lock, wake_, next_sweep);
    }
    if (clock_.monotonic() < next_sweep) continue;
    lock.unlock();
    for (const auto& needed : aggregator_.sweep(clock_.monotonic())) write(needed, stop);
    next_sweep = clock_.monotonic() + kSweepEvery;
    lock.lock();
  }
}

EventRecorderCounters EventRecorder::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void EventRecorder::write(const EventWrite& write, const std::stop_token& stop) {
  for (int tries = 1; !stop.stop_requested(); ++tries) {
    const auto sent = send(write, stop);
    // A retry may find that the try whose answer was lost had been heard.
    if (sent || sent.error().code == ErrorCode::kAlreadyExists) return count(&EventRecorderCounters::written);
    if (!sent.error().retryable || tries == kTries) {
      log_.warning("an event could not be written",
                   {{"event", write.key.to_string()}, {"error", sent.error().to_string()}});
      return count(&EventRecorderCounters::failed);
    }
    const double jitter = std::uniform_real_distribution<double>(-kRetryJitter, kRetryJitter)(random_);
    const auto pause = std::chrono::nanoseconds(std::int64_t(kRetrySeconds * (1 + jitter) * 1e9));
    if (!wait_until(clock_, clock_.monotonic() + pause, stop)) return;
  }
}

/// A series may outlive its Event, which the API server keeps for about an hour.
ApiResult<void> EventRecorder::send(const EventWrite& write, const std::stop_token& stop) {
  if (write.is_patch) {
    auto patched = sink_.patch(write.key, write.patch, stop);
    if (patched || patched.error().code != ErrorCode::kNotFound) return patched;
  }
  return sink_.create(write.key.name_space, write.whole_event, stop);
}

void EventRecorder::count(std::uint64_t EventRecorderCounters::* counter) {
  const std::lock_guard lock(mutex_);
  ++(counters_.*counter);
}

}  // namespace kintsugi::k8s
