// SPDX-License-Identifier: Apache-2.0
#include "process_stats.h"

#include <unistd.h>

#include <sstream>
#include <stdexcept>

#include "base/file.h"
#include "cluster.h"

namespace kintsugi::bench {
namespace {

constexpr std::size_t kMaxProcBytes = 64u << 10;

std::string read_proc(pid_t process, const std::string& name) {
  return need(read_file("/proc/" + std::to_string(process) + "/" + name, kMaxProcBytes));
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

double sum_of_metric(net::HttpTransport& transport, const std::string& metrics_url, const std::string& family,
                     const std::string& label) {
  net::HttpRequest request;
  request.url = metrics_url + "/metrics";
  const net::HttpResponse response = need(transport.send(request, {}));
  std::istringstream lines(response.body);
  double sum = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(family + "{") || line.find(label) == std::string::npos) continue;
    sum += std::strtod(line.c_str() + line.rfind(' '), nullptr);
  }
  return sum;
}

}  // namespace kintsugi::bench
