// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "metrics/registry.h"

namespace prometheus {
class Registry;
struct MetricFamily;
}  // namespace prometheus

namespace kintsugi::metrics {

/// The controller_runtime_* and workqueue_* families.
class ControllerFamilies {
 public:
  /// `registry` must outlive this object.
  ControllerFamilies(prometheus::Registry& registry, const std::vector<ControllerOptions>& controllers);
  ~ControllerFamilies();

  ControllerMetrics& controller(std::string_view name);
  /// What is read from the queues at a scrape; the other families are in the registry.
  std::vector<prometheus::MetricFamily> collect_queues() const;

 private:
  struct Families;
  class One;

  const std::unique_ptr<Families> families_;
  std::vector<std::unique_ptr<One>> controllers_;
};

}  // namespace kintsugi::metrics
