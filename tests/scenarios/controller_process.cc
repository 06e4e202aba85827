// SPDX-License-Identifier: Apache-2.0
#include "controller_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "base/file.h"
#include "net/curl_transport.h"

namespace kintsugi::scenarios {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr auto kStartTimeout = 30s;
constexpr auto kPoll = 5ms;
constexpr std::size_t kMaxLogBytes = 64u << 20;

std::vector<std::string> command_line(const ControllerOptions& options) {
  std::vector<std::string> words{KINTSUGI_CONTROLLER_PROGRAM,
                                 "--kubeconfig",
                                 options.kubeconfig,
                                 "--namespace",
                                 options.name_space,
                                 "--playbooks",
                                 options.directory + "/playbooks",
                                 "--trust-policies",
                                 options.directory + "/trust-policies",
                                 "--evidence-dir",
                                 options.directory + "/evidence",
                                 "--signals-listen",
                                 "127.0.0.1:0",
                                 "--metrics-listen",
                                 "127.0.0.1:0",
                                 "--allow-plain-signals",
                                 options.leader_elect ? "--leader-elect=true" : "--leader-elect=false"};
  words.insert(words.end(), options.more_flags.begin(), options.more_flags.end());
  return words;
}

/// The value of `"signals":"127.0.0.1:41236"`, or of "metrics", in the line that says Ready.
std::string find_address(const std::string& log, const std::string& what) {
  const std::size_t ready = log.find("\"message\":\"Ready\"");
  if (ready == std::string::npos || log.find('\n', ready) == std::string::npos) return {};
  const std::string key = "\"" + what + "\":\"";
  const std::size_t start = log.find(key, ready) + key.size();
  return log.substr(start, log.find('"', start) - start);
}

}  // namespace

std::string tail(const std::string& text, std::size_t lines) {
  std::size_t start = text.size();
  for (std::size_t i = 0; i <= lines && start != std::string::npos && start > 0; ++i)
    start = text.rfind('\n', start - 1);
  return start == std::string::npos || start == 0 ? text : text.substr(start + 1);
}

ControllerProcess::ControllerProcess(ControllerOptions options)
    : options_(std::move(options)), transport_(net::make_curl_transport({})) {
  log_start_ = log().size();
  start();
  wait_until_ready();
}

ControllerProcess::~ControllerProcess() {
  kill();
}

void ControllerProcess::start() {
  std::vector<std::string> words = command_line(options_);
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int output = ::open(options_.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  REQUIRE(output >= 0);
  process_ = ::fork();
  REQUIRE(process_ >= 0);
  if (process_ > 0) {
    ::close(output);
    return;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execv(arguments.front(), arguments.data());
  ::_exit(127);
}

void ControllerProcess::wait_until_ready() {
  const auto deadline = Steady::now() + kStartTimeout;
  while (url_.empty()) {
    const std::string written = log().substr(log_start_);
    const std::string address = find_address(written, "signals");
    if (!address.empty()) {
      url_ = "http://" + address;
      metrics_url_ = "http://" + find_address(written, "metrics");
    }
    int status = 0;
    if (has_ended(status)) FAIL("the controller did not start:\n" << tail(log(), 20));
    if (Steady::now() > deadline) FAIL("the controller is not ready:\n" << tail(log(), 20));
    std::this_thread::sleep_for(kPoll);
  }
  net::HttpRequest request;
  request.url = url_ + "/readyz";
  const auto answer = transport_->send(request, {});
  REQUIRE(answer);
  REQUIRE(answer->status == 200);
}

bool ControllerProcess::has_ended(int& status) {
  if (process_ <= 0) return true;
  if (::waitpid(process_, &status, WNOHANG) == 0) return false;
  process_ = -1;
  return true;
}

net::HttpResponse ControllerProcess::post(const std::string& body) {
  net::HttpRequest request;
  request.method = "POST";
  request.url = url_ + "/v1/signals/falco";
  request.headers.set("Content-Type", "application/json");
  request.body = body;
  request.timeout = 20s;
  auto answer = transport_->send(request, {});
  if (!answer) throw std::runtime_error("the controller does not answer: " + answer.error().to_string());
  return std::move(*answer);
}

std::string ControllerProcess::metrics() {
  net::HttpRequest request;
  request.url = metrics_url_ + "/metrics";
  const auto answer = transport_->send(request, {});
  REQUIRE(answer);
  REQUIRE(answer->status == 200);
  return answer->body;
}

int ControllerProcess::stop(std::chrono::seconds patience) {
  REQUIRE(is_running());
  ::kill(process_, SIGTERM);
  int status = 0;
  const auto deadline = Steady::now() + patience;
  while (!has_ended(status)) {
    if (Steady::now() > deadline) FAIL("the controller does not end:\n" << tail(log(), 20));
    std::this_thread::sleep_for(kPoll);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void ControllerProcess::kill() {
  if (!is_running()) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

std::string ControllerProcess::log() const {
  return read_file(options_.log_file, kMaxLogBytes).value_or("");
}

}  // namespace kintsugi::scenarios
