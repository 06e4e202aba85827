// SPDX-License-Identifier: Apache-2.0
#include "tests/support/controller_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "net/curl_transport.h"

namespace kintsugi::support {
namespace {

constexpr std::chrono::seconds kStartPatience{30};
constexpr std::chrono::seconds kAnswerPatience{20};
constexpr std::chrono::seconds kStopPatience{20};
constexpr std::size_t kLinesOfTrouble = 20;

std::vector<std::string> command_line(const ControllerOptions& options) {
  std::vector<std::string> words = options.run_by;
  words.insert(
      words.end(),
      {options.program.empty() ? KINTSUGI_CONTROLLER : options.program, "--kubeconfig", options.kubeconfig,
       "--namespace", options.name_space, "--playbooks", options.directory + "/playbooks", "--trust-policies",
       options.directory + "/trust-policies", "--evidence-dir", options.directory + "/evidence",
       "--signals-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--allow-plain-signals",
       options.leader_elect ? "--leader-elect=true" : "--leader-elect=false"});
  words.insert(words.end(), options.flags.begin(), options.flags.end());
  return words;
}

/// Only what is safe between fork and exec.
[[noreturn]] void become(const char* const* words, int log) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execvp(words[0], const_cast<char* const*>(words));
  ::_exit(127);
}

}  // namespace

std::string tail(const std::string& text, std::size_t lines) {
  std::size_t start = text.size();
  for (std::size_t i = 0; i <= lines && start != std::string::npos && start > 0; ++i)
    start = text.rfind('\n', start - 1);
  return start == std::string::npos || start == 0 ? text : text.substr(start + 1);
}

ControllerProcess::ControllerProcess(const ControllerOptions& options)
    : sensor_(net::make_curl_transport({})) {
  const std::vector<std::string> arguments = command_line(options);
  std::vector<const char*> words;
  words.reserve(arguments.size() + 1);
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
  const std::lock_guard lock(mutex_);
  log_ += line;
  const auto entry = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
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

void ControllerProcess::require_ready() {
  if (wait_ready(kStartPatience)) return;
  throw std::runtime_error("the controller is not ready:\n" + tail(log(), kLinesOfTrouble));
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

int ControllerProcess::stop() {
  signal(SIGTERM);
  if (const auto code = wait_exit(kStopPatience)) return *code;
  throw std::runtime_error("the controller does not end:\n" + tail(log(), kLinesOfTrouble));
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

Result<net::HttpResponse> ControllerProcess::try_post(const std::string& body) {
  net::HttpRequest request;
  request.method = "POST";
  request.url = signals_url() + "/v1/signals/falco";
  request.headers.set("Content-Type", "application/json");
  request.body = body;
  request.timeout = kAnswerPatience;
  return sensor_->send(request, {});
}

net::HttpResponse ControllerProcess::post(const std::string& body) {
  auto answer = try_post(body);
  if (!answer) throw std::runtime_error("the controller does not answer: " + answer.error().to_string());
  return std::move(*answer);
}

std::string ControllerProcess::scrape() {
  net::HttpRequest request;
  request.url = metrics_url() + "/metrics";
  auto answer = sensor_->send(request, {});
  if (!answer) throw std::runtime_error("no metrics: " + answer.error().to_string());
  return std::move(answer->body);
}

std::string ControllerProcess::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

}  // namespace kintsugi::support
