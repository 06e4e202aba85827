// SPDX-License-Identifier: Apache-2.0
#include "process_stats.h"

#include <unistd.h>

#include <sstream>
#include <stdexcept>

#include "base/file.h"

namespace kintsugi::bench {
namespace {

constexpr std::size_t kMaxProcBytes = 64u << 10;

std::string read_proc(pid_t process, const std::string& name) {
  auto read = read_file("/proc/" + std::to_string(process) + "/" + name, kMaxProcBytes);
  if (!read) throw std::runtime_error(read.error().to_string());
  return *std::move(read);
}

/// A line of /proc/PID/status, "VmHWM:    1234 kB".
double status_mib(pid_t process, const std::string& key) {
  const std::string status = read_proc(process, "status");
  const std::size_t start = status.find("\n" + key + ":");
  if (start == std::string::npos) throw std::runtime_error("the kernel does not tell " + key);
  return std::strtod(status.c_str() + start + key.size() + 2, nullptr) / 1024;
}

}  // namespace

double cpu_seconds(pid_t process) {
  const std::string stat = read_proc(process, "stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));  // from the third on: the state
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / double(::sysconf(_SC_CLK_TCK));
}

double resident_mib(pid_t process) {
  return status_mib(process, "VmRSS");
}

double peak_resident_mib(pid_t process) {
  return status_mib(process, "VmHWM");
}

}  // namespace kintsugi::bench
