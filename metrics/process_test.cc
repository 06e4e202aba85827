// SPDX-License-Identifier: Apache-2.0
#include "metrics/process.h"

#include <prometheus/metric_family.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <map>

using namespace kintsugi::metrics;

TEST_CASE("the process is measured by the names that all Prometheus clients use") {
  std::map<std::string, double> values;
  for (const auto& family : process_families()) {
    const bool is_counter = family.type == prometheus::MetricType::Counter;
    values[family.name] = is_counter ? family.metric[0].counter.value : family.metric[0].gauge.value;
  }
  CHECK(values.size() == 9);
  for (const auto& [name, value] : values) {
    INFO(name);
    CHECK(value >= 0);
  }
  CHECK(values["process_threads"] >= 1);
  CHECK(values["process_open_fds"] >= 3);
  CHECK(values["process_open_fds"] < values["process_max_fds"]);
  CHECK(values["process_resident_memory_bytes"] > 1e6);
  CHECK(values["process_resident_memory_bytes"] < values["process_virtual_memory_bytes"]);
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  CHECK(values["process_start_time_seconds"] <= now + 2);
  CHECK(values["process_start_time_seconds"] > now - 3600);
}

TEST_CASE("what /proc does not tell is left out") {
  for (const auto& family : process_families("/nowhere")) {
    CHECK(family.name != "process_threads");
    CHECK(family.name != "process_open_fds");
    CHECK(family.name != "process_start_time_seconds");
  }
}
