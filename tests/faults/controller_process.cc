// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/controller_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace kintsugi::faults {
namespace {

/// Only what is safe between fork and exec.
[[noreturn]] void become(const char* const* words, int log) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execv(words[0], const_cast<char* const*>(words));
  ::_exit(127);
}

}  // namespace

ControllerProcess::ControllerProcess(const std::vector<std::string>& arguments) {
  std::vector<const char*> words{KINTSUGI_CONTROLLER};
  for (const std::string& argument : arguments) words.push_back(argument.c_str());
  words.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe for the controller's log");
  process_ = ::fork();
  if (process_ == 0) become(words.data(), ends[1]);
  ::close(ends[1]);
  if (process_ < 0) throw std::runtime_error("no process for the controller");
  reader_ = std::thread([this, log = ends[0]] { read_log(log); });
}

ControllerProcess::~ControllerProcess() {
  kill();
  reader_.join();
}

void ControllerProcess::read_log(int descriptor) {
  std::array<char, 4096> buffer;
  std::string line;
  while (true) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count <= 0) break;
    for (ssize_t i = 0; i < count; ++i) {
      line += buffer[std::size_t(i)];
      if (line.back() != '\n') continue;
      take_line(line);
      line.clear();
    }
  }
  ::close(descriptor);
  siginfo_t gone{};
  ::waitid(P_PID, id_t(process_), &gone, WEXITED | WNOWAIT);
  const std::lock_guard lock(mutex_);
  int status = 0;
  ::waitpid(process_, &status, 0);  // under the lock: kill() must not hit a process that came after
  if (WIFEXITED(status)) exit_code_ = WEXITSTATUS(status);
  ended_ = true;
  changed_.notify_all();
}

void ControllerProcess::take_line(const std::string& line) {
  const auto entry = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  const std::lock_guard lock(mutex_);
  log_ += line;
  if (!entry.is_object()) return;
  const std::string message = entry.value("message", "");
  messages_.insert(message);
  if (message == "Ready") {
    signals_ = "http://" + entry.value("signals", "");
    metrics_ = "http://" + entry.value("metrics", "");
  }
  changed_.notify_all();
}

bool ControllerProcess::wait_ready(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [this] { return ended_ || !signals_.empty(); });
  return !ended_ && !signals_.empty();
}

bool ControllerProcess::is_running() const {
  const std::lock_guard lock(mutex_);
  return !ended_;
}

void ControllerProcess::kill() {
  std::unique_lock lock(mutex_);
  if (!ended_) ::kill(process_, SIGKILL);
  changed_.wait(lock, [this] { return ended_; });
}

void ControllerProcess::signal(int number) const {
  const std::lock_guard lock(mutex_);
  if (!ended_) ::kill(process_, number);
}

std::optional<int> ControllerProcess::wait_exit(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [this] { return ended_; });
  return exit_code_;
}

bool ControllerProcess::wait_logged(const std::string& message, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [&] { return ended_ || messages_.contains(message); });
  return messages_.contains(message);
}

std::string ControllerProcess::signals_url() const {
  const std::lock_guard lock(mutex_);
  return signals_;
}

std::string ControllerProcess::metrics_url() const {
  const std::lock_guard lock(mutex_);
  return metrics_;
}

std::string ControllerProcess::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

}  // namespace kintsugi::faults
