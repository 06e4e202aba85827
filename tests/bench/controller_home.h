// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/testing/scratch_directory.h"
#include "cluster.h"
#include "tests/support/controller_process.h"

namespace kintsugi::bench {

inline constexpr const char* kBreachRule = "Terminal shell in container";
/// Its incidents close a second after the recovery; those of kBreachRule stay open for a while.
inline constexpr const char* kDrillRule = "Drill in container";

/// The controller that is measured, with its playbooks, trust policy and evidence. One process at a time.
class ControllerHome {
 public:
  /// `cluster` must outlive this object.
  explicit ControllerHome(Cluster& cluster);

  /// Ends the process that runs, and starts one; returns when it is ready.
  support::ControllerProcess& start();
  /// The same, and lets the cluster forget all incidents in between.
  support::ControllerProcess& start_afresh();
  void stop() { process_.reset(); }
  support::ControllerProcess& process() { return *process_; }

 private:
  Cluster& cluster_;
  ScratchDirectory directory_;
  std::unique_ptr<support::ControllerProcess> process_;
};

}  // namespace kintsugi::bench
