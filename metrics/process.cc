// SPDX-License-Identifier: Apache-2.0
#include "metrics/process.h"

#include <malloc.h>
#include <prometheus/metric_family.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <sstream>
#include <string_view>

#include "base/file.h"

namespace kintsugi::metrics {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::size_t kMaxProcFileBytes = 1u << 20;

void add(std::vector<MetricFamily>& families, MetricType type, std::string name, std::string help,
         std::optional<double> value) {
  if (!value) return;
  prometheus::ClientMetric metric;
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = *value;
  families.push_back({std::move(name), std::move(help), type, {std::move(metric)}});
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return double(time.tv_sec) + double(time.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// 2^64-1 where there is no limit, as other clients say it.
std::optional<double> limit_of(__rlimit_resource resource) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return std::nullopt;
  return double(limit.rlim_cur);
}

std::optional<double> open_descriptors(const std::string& proc) {
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator entry(proc + "/self/fd", error), end; !error && entry != end;
       entry.increment(error)) {
    ++count;
  }
  if (error) return std::nullopt;
  return count - 1;  // the one that lists them
}

/// Of /proc/self/stat as proc(5) counts them, from 3, which is the first after the name; the name may hold
/// anything.
std::optional<double> stat_field(std::string_view stat, int number) {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::istringstream fields{std::string(stat.substr(name_end + 1))};
  std::string field;
  for (int i = 3; i <= number; ++i) fields >> field;
  double value = 0;
  std::istringstream digits(field);
  if (!(digits >> value)) return std::nullopt;
  return value;
}

std::optional<double> boot_time(const std::string& proc) {
  const Result<std::string> stat = read_file(proc + "/stat", kMaxProcFileBytes);
  if (!stat) return std::nullopt;
  const std::size_t at = stat->find("\nbtime ");
  double seconds = 0;
  if (at == std::string::npos || !(std::istringstream(stat->substr(at + 7)) >> seconds)) return std::nullopt;
  return seconds;
}

}  // namespace

std::vector<MetricFamily> process_families(const std::string& proc) {
  const std::string stat = read_file(proc + "/self/stat", kMaxProcFileBytes).value_or("");
  const auto field = [&](int number, double unit) {
    std::optional<double> value = stat_field(stat, number);
    if (value) *value *= unit;
    return value;
  };
  std::optional<double> start = boot_time(proc);
  const std::optional<double> since_boot = field(22, 1.0 / double(sysconf(_SC_CLK_TCK)));
  start = start && since_boot ? std::optional(*start + *since_boot) : std::nullopt;
  const struct mallinfo2 heap = mallinfo2();

  std::vector<MetricFamily> families;
  add(families, MetricType::Counter, "process_cpu_seconds_total",
      "Total user and system CPU time spent in seconds.", cpu_seconds());
  add(families, MetricType::Gauge, "process_open_fds", "Number of open file descriptors.",
      open_descriptors(proc));
  add(families, MetricType::Gauge, "process_max_fds", "Maximum number of open file descriptors.",
      limit_of(RLIMIT_NOFILE));
  add(families, MetricType::Gauge, "process_virtual_memory_bytes", "Virtual memory size in bytes.",
      field(23, 1));
  add(families, MetricType::Gauge, "process_virtual_memory_max_bytes",
      "Maximum amount of virtual memory available in bytes.", limit_of(RLIMIT_AS));
  add(families, MetricType::Gauge, "process_resident_memory_bytes", "Resident memory size in bytes.",
      field(24, double(sysconf(_SC_PAGESIZE))));
  add(families, MetricType::Gauge, "process_heap_bytes", "Process heap size in bytes.",
      double(heap.uordblks + heap.hblkhd));
  add(families, MetricType::Gauge, "process_start_time_seconds",
      "Start time of the process since unix epoch in seconds.", start);
  add(families, MetricType::Gauge, "process_threads", "Number of OS threads in the process.", field(20, 1));
  return families;
}

}  // namespace kintsugi::metrics
