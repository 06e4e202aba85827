// SPDX-License-Identifier: Apache-2.0
#include "controller/jobs.h"

#include <algorithm>
#include <memory>

namespace kintsugi::controller {

Jobs::Jobs(Limits limits) : limits_(limits) {}

Jobs::~Jobs() {
  stop();
}

void Jobs::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting_.clear();
    for (const auto& job : running_) job->stop.request_stop();
  }
  wake_.notify_all();
  threads_.clear();
}

bool Jobs::start(const std::string& group, const std::string& lane, const std::string& name, Work work,
                 std::function<void()> done) {
  std::lock_guard lock(mutex_);
  const auto same = [&](const auto& job) { return job->group == group && job->name == name; };
  if (stopping_ || std::any_of(waiting_.begin(), waiting_.end(), same) ||
      std::any_of(running_.begin(), running_.end(), same)) {
    return false;
  }
  waiting_.push_back(std::make_shared<Job>(Job{group, lane, name, std::move(work), std::move(done), {}}));
  // One that was woken for an earlier job is idle until it has taken that.
  const auto may_begin = [&](const auto& job) { return may_start(*job); };
  const auto wanted = std::size_t(std::count_if(waiting_.begin(), waiting_.end(), may_begin));
  if (idle_ < wanted && threads_.size() < limits_.threads) {
    threads_.emplace_back([this](std::stop_token stop) { run(stop); });
  }
  wake_.notify_one();
  return true;
}

bool Jobs::is_active(const std::string& group, const std::string& name) const {
  std::lock_guard lock(mutex_);
  const auto same = [&](const auto& job) { return job->group == group && job->name == name; };
  return std::any_of(waiting_.begin(), waiting_.end(), same) ||
         std::any_of(running_.begin(), running_.end(), same);
}

void Jobs::cancel(const std::string& group) {
  std::lock_guard lock(mutex_);
  std::erase_if(waiting_, [&](const auto& job) { return job->group == group; });
  for (const auto& job : running_) {
    if (job->group == group) job->stop.request_stop();
  }
}

void Jobs::run(std::stop_token stop) {
  for (std::shared_ptr<Job> job; take(stop, job);) {
    job->work(job->stop.get_token());
    bool is_stopping = false;
    {
      std::lock_guard lock(mutex_);
      std::erase(running_, job);
      is_stopping = stopping_;
    }
    wake_.notify_all();  // a place in its group and lane is free
    if (!is_stopping) job->done();
    job.reset();
  }
}

bool Jobs::take(std::stop_token stop, std::shared_ptr<Job>& job) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopping_ || stop.stop_requested()) return false;
    const auto next = std::find_if(waiting_.begin(), waiting_.end(),
                                   [&](const auto& waiting) { return may_start(*waiting); });
    if (next != waiting_.end()) {
      job = *next;
      waiting_.erase(next);
      running_.push_back(job);
      return true;
    }
    ++idle_;
    wake_.wait(lock);
    --idle_;
  }
}

bool Jobs::may_start(const Job& job) const {
  std::size_t in_group = 0;
  std::size_t in_lane = 0;
  for (const auto& running : running_) {
    if (running->group == job.group) ++in_group;
    if (running->lane == job.lane) ++in_lane;
  }
  return in_group < limits_.per_group && in_lane < limits_.per_lane;
}

}  // namespace kintsugi::controller
