// SPDX-License-Identifier: Apache-2.0
//
// The controller as a child process of the test.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "net/http.h"

namespace kintsugi::scenarios {

struct ControllerOptions {
  std::string kubeconfig;
  std::string name_space;
  std::string directory;  ///< with playbooks/, trust-policies/ and evidence/
  std::string log_file;   ///< appended to
  bool leader_elect = false;
  std::vector<std::string> more_flags{};  ///< later ones win
};

/// Runs from its construction, which returns when it is ready (or ends the test), to stop(), kill() or its
/// end, which kills it. It dies with the test. Thread-safe for post().
class ControllerProcess {
 public:
  explicit ControllerProcess(ControllerOptions options);
  ~ControllerProcess();
  ControllerProcess(const ControllerProcess&) = delete;
  ControllerProcess& operator=(const ControllerProcess&) = delete;

  /// "http://127.0.0.1:41236", where it takes signals.
  const std::string& url() const { return url_; }
  /// Posts a body to /v1/signals/falco; an exchange that fails ends the test.
  net::HttpResponse post(const std::string& body);
  /// The answer to GET /metrics; an exchange that fails ends the test.
  std::string metrics();
  /// SIGTERM; returns the exit code once it has ended, within `patience` or the test ends.
  int stop(std::chrono::seconds patience = std::chrono::seconds(20));
  /// SIGKILL, and waits for the end.
  void kill();
  bool is_running() const { return process_ > 0; }
  /// Everything that it has logged, and what earlier processes have to the same file.
  std::string log() const;

 private:
  void start();
  void wait_until_ready();
  bool has_ended(int& status);

  const ControllerOptions options_;
  std::size_t log_start_ = 0;  ///< where this process's part of the log begins
  pid_t process_ = -1;
  std::string url_;
  std::string metrics_url_;
  std::unique_ptr<net::HttpTransport> transport_;
};

/// The last `lines` lines of a text.
std::string tail(const std::string& text, std::size_t lines);

}  // namespace kintsugi::scenarios
