// SPDX-License-Identifier: Apache-2.0
//
// kintsugi-controller as a child process that can be killed at any moment.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace kintsugi::faults {

/// One life of the process, from construction to kill(), its own end, or destruction. Thread-safe.
class ControllerProcess {
 public:
  /// `arguments` without the program's name. Ends with the thread that made it, at the latest.
  explicit ControllerProcess(const std::vector<std::string>& arguments);
  ~ControllerProcess();
  ControllerProcess(const ControllerProcess&) = delete;
  ControllerProcess& operator=(const ControllerProcess&) = delete;

  /// False where the process ended, or is not ready after `patience`.
  bool wait_ready(std::chrono::milliseconds patience);
  bool is_running() const;
  /// SIGKILL; returns once the process is gone. Idempotent.
  void kill();
  /// SIGTERM, SIGSTOP or SIGCONT; nothing where the process has ended.
  void signal(int number) const;
  /// How it ended by itself, or nothing: by a signal, or not within `patience`.
  std::optional<int> wait_exit(std::chrono::milliseconds patience);
  /// Waits for a line of the log with this message. False: the process ended without, or not in time.
  bool wait_logged(const std::string& message, std::chrono::milliseconds patience);
  /// "http://127.0.0.1:40312", of the signals; empty until ready.
  std::string signals_url() const;
  /// "http://127.0.0.1:40313", of the metrics; empty until ready.
  std::string metrics_url() const;
  /// What it wrote to its log so far.
  std::string log() const;

 private:
  void read_log(int descriptor);
  void take_line(const std::string& line);

  pid_t process_ = -1;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string log_;
  std::set<std::string> messages_;  ///< of the log's lines
  std::string signals_;
  std::string metrics_;
  bool ended_ = false;
  std::optional<int> exit_code_;
  std::thread reader_;  ///< reads until the process is gone, and reaps it
};

}  // namespace kintsugi::faults
