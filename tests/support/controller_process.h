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

#include "net/http.h"

namespace kintsugi::support {

/// It listens on free ports of loopback, and takes signals there without TLS and tokens.
struct ControllerOptions {
  std::string kubeconfig;
  std::string name_space;
  std::string directory;  ///< with playbooks/, trust-policies/ and evidence/
  bool leader_elect = false;
  std::vector<std::string> flags{};   ///< further ones
  std::string program{};              ///< another than the build's
  std::vector<std::string> run_by{};  ///< a program and arguments before it, which becomes it: setpriv …
};

/// One life of the process, from construction to kill(), its own end, or destruction. Thread-safe.
class ControllerProcess {
 public:
  /// Ends with the thread that made it, at the latest. Throws where there can be no process.
  explicit ControllerProcess(const ControllerOptions& options);
  ~ControllerProcess();
  ControllerProcess(const ControllerProcess&) = delete;
  ControllerProcess& operator=(const ControllerProcess&) = delete;

  /// False where the process ended, or is not ready after `patience`.
  bool wait_ready(std::chrono::milliseconds patience);
  /// As wait_ready with a patience of 30 s; throws, with the end of the log, instead of being false.
  void require_ready();
  bool is_running() const;
  pid_t id() const { return process_; }
  /// SIGKILL; returns once the process is gone. Idempotent.
  void kill();
  /// SIGTERM, SIGSTOP or SIGCONT; nothing where the process has ended.
  void signal(int number) const;
  /// SIGTERM; its exit code. Throws, with the end of the log, where it does not end within 20 s.
  int stop();
  /// How it ended by itself, or nothing: by a signal, or not within `patience`.
  std::optional<int> wait_exit(std::chrono::milliseconds patience);
  /// Waits for a line of the log with this message. False: the process ended without, or not in time.
  bool wait_logged(const std::string& message, std::chrono::milliseconds patience);
  // "http://127.0.0.1:40312"; empty until ready.
  std::string signals_url() const;
  std::string metrics_url() const;
  /// Posts a body to /v1/signals/falco.
  Result<net::HttpResponse> try_post(const std::string& body);
  /// The same; throws where the exchange fails.
  net::HttpResponse post(const std::string& body);
  /// The text of /metrics; throws where the exchange fails.
  std::string scrape();
  /// What it wrote to its log so far.
  std::string log() const;

 private:
  void read_log(int descriptor);
  void take_line(const std::string& line);

  pid_t process_ = -1;
  const std::unique_ptr<net::HttpTransport> sensor_;
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

/// The last `lines` lines of a text.
std::string tail(const std::string& text, std::size_t lines);

}  // namespace kintsugi::support
