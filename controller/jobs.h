// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace kintsugi::controller {

/// Work that is slow or paced by somebody else (exec, logs, registries), away from the reconcile workers.
/// Each job belongs to a group (an incident) and a lane (a namespace); both are limited so that one cannot
/// starve the others. Nothing is remembered: a job that was lost in a crash runs again. Thread-safe.
class Jobs {
 public:
  struct Limits {
    std::size_t threads = 64;
    std::size_t per_group = 2;
    std::size_t per_lane = 8;
  };
  /// Gets a stop token that is set at shutdown or when the group is cancelled.
  using Work = std::function<void(std::stop_token stop)>;

  explicit Jobs(Limits limits);
  /// As stop().
  ~Jobs();
  /// Requests stop of everything and waits. What ends from then on tells nobody, and nothing starts any more:
  /// to be called while whoever is told is still there. Of one thread.
  void stop();

  /// Starts `work` unless a job of that group and name waits or runs. Returns whether it was taken. `done` is
  /// called on the job's thread after `work` has returned and the job counts as finished.
  bool start(const std::string& group, const std::string& lane, const std::string& name, Work work,
             std::function<void()> done);
  bool is_active(const std::string& group, const std::string& name) const;
  /// Drops what waits and requests stop of what runs in a group.
  void cancel(const std::string& group);

 private:
  struct Job {
    std::string group, lane, name;
    Work work;
    std::function<void()> done;
    std::stop_source stop;
  };

  void run(std::stop_token stop);
  bool take(std::stop_token stop, std::shared_ptr<Job>& job);
  bool may_start(const Job& job) const;

  const Limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::deque<std::shared_ptr<Job>> waiting_;
  std::vector<std::shared_ptr<Job>> running_;
  std::size_t idle_ = 0;
  std::vector<std::jthread> threads_;  ///< made as they are needed, up to the limit
};

}  // namespace kintsugi::controller
