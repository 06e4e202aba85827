// SPDX-License-Identifier: Apache-2.0
//
// What containment cannot be faster than, on the same API server with the same HTTP client.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cluster.h"

namespace kintsugi::bench {

/// Thread-safe.
class Floors {
 public:
  /// `incident` is one of the controller's: what is created is as large. `cluster` must outlive this object.
  Floors(Cluster& cluster, const nlohmann::json& incident);

  /// The first floor: the JSON patch that isolates a pod and releases it from its owner, and nothing else.
  /// An error's text; empty: done.
  std::string release(const Victim& victim);
  /// The second one: creates an incident that no controller looks at, and then patches.
  std::string create_and_release(const Victim& victim);

 private:
  Cluster& cluster_;
  const std::string incident_;  ///< JSON
};

}  // namespace kintsugi::bench
