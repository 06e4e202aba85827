// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace prometheus {
struct MetricFamily;
}

namespace kintsugi::metrics {

/// The process_* families that every Prometheus client has (docs/instrumenting/writing_clientlibs.md), of
/// this process. What `proc` does not tell is left out.
std::vector<prometheus::MetricFamily> process_families(const std::string& proc = "/proc");

}  // namespace kintsugi::metrics
