// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/work_queue.h"

#include <algorithm>

namespace kintsugi::k8s {

WorkQueue::WorkQueue(const Clock& clock, WorkQueueOptions options, WorkQueueObserver* observer)
    : clock_(clock), options_(options), observer_(observer) {}

void WorkQueue::add(const std::string& key, WorkPriority priority) {
  const std::lock_guard lock(mutex_);
  if (shut_down_) return;
  ++adds_;
  make_ready(key, priority);
}

void WorkQueue::add_after(const std::string& key, std::chrono::nanoseconds delay_by, WorkPriority priority) {
  const std::lock_guard lock(mutex_);
  if (shut_down_) return;
  ++adds_;
  if (delay_by <= std::chrono::nanoseconds(0)) return make_ready(key, priority);
  delay(key, clock_.monotonic() + delay_by, priority);
}

void WorkQueue::retry(const std::string& key, WorkPriority priority) {
  const std::lock_guard lock(mutex_);
  if (shut_down_) return;
  ++retries_;
  const MonotonicTime now = clock_.monotonic();
  MonotonicTime ready_at = now + backoff_delay(options_.retry, failures_[key]++, 0.0);
  if (priority != WorkPriority::kContainment) ready_at = std::max(ready_at, reserve_retry(now));
  delay(key, ready_at, priority);
}

void WorkQueue::forget(const std::string& key) {
  const std::lock_guard lock(mutex_);
  failures_.erase(key);
}

unsigned WorkQueue::retries_of(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = failures_.find(key);
  return found != failures_.end() ? found->second : 0;
}

std::optional<WorkQueue::Item> WorkQueue::get() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (shut_down_) return std::nullopt;
    const MonotonicTime now = clock_.monotonic();
    promote_due(now);
    if (may_take_first()) {
      const auto queued = now - ready_.at(order_.begin()->second).since;
      Item item = take_first(now);
      // Whoever waited for this key's time may now have to wait for another one's.
      if (!order_.empty() || !due_.empty()) ready_or_shut_down_.notify_one();
      lock.unlock();
      if (observer_) observer_->on_taken(queued);
      return item;
    }
    clock_.wait_until(lock, ready_or_shut_down_, due_.empty() ? MonotonicTime::max() : due_.begin()->first);
  }
}

void WorkQueue::done(const std::string& key) {
  std::unique_lock lock(mutex_);
  const auto found = working_.find(key);
  if (found == working_.end()) return;
  const auto worked = clock_.monotonic() - found->second.since;
  const auto again = found->second.again;
  if (found->second.priority != WorkPriority::kContainment) --other_work_;
  working_.erase(found);
  if (again && !shut_down_) make_ready(key, *again);
  if (!order_.empty()) ready_or_shut_down_.notify_one();  // it may have waited for this one's end
  if (working_.empty()) idle_.notify_all();
  lock.unlock();
  if (observer_) observer_->on_done(worked);
}

void WorkQueue::shut_down() {
  const std::lock_guard lock(mutex_);
  shut_down_ = true;
  order_.clear();
  ready_.clear();
  delayed_.clear();
  due_.clear();
  ready_or_shut_down_.notify_all();
}

bool WorkQueue::drain(MonotonicTime deadline) {
  std::unique_lock lock(mutex_);
  while (!working_.empty() && clock_.monotonic() < deadline) clock_.wait_until(lock, idle_, deadline);
  return working_.empty();
}

WorkQueueMetrics WorkQueue::metrics() const {
  const std::lock_guard lock(mutex_);
  WorkQueueMetrics metrics{ready_.size(), delayed_.size(), working_.size(), adds_, retries_};
  const MonotonicTime now = clock_.monotonic();
  for (const auto& [key, working] : working_) {
    metrics.unfinished += now - working.since;
    metrics.longest_running = std::max(metrics.longest_running, now - working.since);
  }
  return metrics;
}

void WorkQueue::make_ready(const std::string& key, WorkPriority priority) {
  if (const auto working = working_.find(key); working != working_.end()) {  // K5.1: queued again by done()
    auto& again = working->second.again;
    again = again ? std::min(*again, priority) : priority;
    return;
  }
  if (const auto ready = ready_.find(key); ready != ready_.end()) {
    if (ready->second.place.first <= priority) return;
    order_.erase(ready->second.place);
    ready->second.place = {priority, next_sequence_++};
    order_.emplace(ready->second.place, key);
    return;
  }
  const Place place{priority, next_sequence_++};
  ready_.emplace(key, Ready{place, clock_.monotonic()});
  order_.emplace(place, key);
  ready_or_shut_down_.notify_one();
}

void WorkQueue::delay(const std::string& key, MonotonicTime ready_at, WorkPriority priority) {
  const auto [entry, is_new] = delayed_.try_emplace(key, Delayed{ready_at, priority});
  auto& delayed = entry->second;
  if (!is_new) {
    due_.erase({delayed.ready_at, key});
    delayed.ready_at = std::min(delayed.ready_at, ready_at);
    delayed.priority = std::min(delayed.priority, priority);
  }
  due_.emplace(delayed.ready_at, key);
  if (due_.begin()->second == key) ready_or_shut_down_.notify_one();
}

void WorkQueue::promote_due(MonotonicTime now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const std::string key = due_.begin()->second;
    due_.erase(due_.begin());
    make_ready(key, delayed_.extract(key).mapped().priority);
  }
}

bool WorkQueue::may_take_first() const {
  if (order_.empty()) return false;
  return order_.begin()->first.first == WorkPriority::kContainment || other_work_ < options_.most_other_work;
}

WorkQueue::Item WorkQueue::take_first(MonotonicTime now) {
  const auto first = order_.begin();
  Item item{first->second, first->first.first};
  order_.erase(first);
  ready_.erase(item.key);
  working_.emplace(item.key, Working{now, item.priority, std::nullopt});
  if (item.priority != WorkPriority::kContainment) ++other_work_;
  return item;
}

/// A token bucket as a virtual schedule (GCRA): each retry takes a slot, and may run a burst ahead of its
/// slot.
MonotonicTime WorkQueue::reserve_retry(MonotonicTime now) {
  const auto interval = std::chrono::nanoseconds(std::int64_t(1e9 / options_.retries_per_second));
  const MonotonicTime slot = std::max(next_free_retry_, now);
  next_free_retry_ = slot + interval;
  return slot + interval - interval * options_.retry_burst;
}

}  // namespace kintsugi::k8s
