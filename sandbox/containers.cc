// SPDX-License-Identifier: Apache-2.0
#include "sandbox/containers.h"

namespace kintsugi::sandbox {
namespace {

constexpr const char* kProcesses =
    "PID   USER     TIME  COMMAND\n"
    "    1 app       0:04 /bin/web --port 8080\n"
    "   42 app       0:00 sh -i\n"
    "   57 app       0:00 ps\n";

/// A listener on 8080, and a shell's connection to 203.0.113.66:4444.
constexpr const char* kSockets =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31337 1\n"
    "   1: 0200F40A:C350 427100CB:115C 01 00000000:00000000 00:00000000 00000000  1000        0 31338 1\n";

}  // namespace

Containers::Containers() {
  script("ps", {.standard_output = kProcesses, .standard_error = {}});
  script("cat /proc/net/tcp", {.standard_output = kSockets, .standard_error = {}});
}

void Containers::script(const std::string& command_prefix, k8s::ExecResult result) {
  const std::lock_guard lock(mutex_);
  scripts_[command_prefix] = std::move(result);
}

void Containers::set_log(const k8s::ObjectKey& pod, std::string log) {
  const std::lock_guard lock(mutex_);
  logs_[pod] = std::move(log);
}

std::optional<k8s::ExecResult> Containers::run(const std::vector<std::string>& command) const {
  std::string line;
  for (const std::string& word : command) line += (line.empty() ? "" : " ") + word;
  const std::lock_guard lock(mutex_);
  std::optional<k8s::ExecResult> result;
  std::size_t longest = 0;
  for (const auto& [prefix, output] : scripts_) {
    if (prefix.size() < longest || !line.starts_with(prefix)) continue;
    longest = prefix.size();
    result = output;
  }
  return result;
}

std::string Containers::log(const k8s::ObjectKey& pod, bool previous) const {
  const std::lock_guard lock(mutex_);
  const auto log = logs_.find(pod);
  if (log != logs_.end()) return log->second;
  return previous ? "fatal: exiting\n" : "listening on 8080\n";
}

}  // namespace kintsugi::sandbox
