// SPDX-License-Identifier: Apache-2.0
//
// One replica of the controller behind a proxy of its own, so that its way to the API server can be troubled,
// and nobody else's.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/testing/scratch_directory.h"
#include "tests/faults/cluster.h"
#include "tests/faults/proxy.h"
#include "tests/faults/story.h"
#include "tests/support/controller_process.h"

namespace kintsugi::faults {

/// What all replicas of a controller have in common: their inputs, and the volume for evidence.
class Home {
 public:
  Home(const Cluster& cluster, const Story& story);
  const ScratchDirectory& directory() const { return directory_; }
  std::string evidence() const { return directory_.path() + "/evidence"; }

 private:
  ScratchDirectory directory_;
};

/// What a sensor got for an event.
struct Answer {
  int status = 0;  ///< 0: none
  std::string text = {};

  bool accepted() const { return status == 202; }
  std::string to_string() const { return status == 0 ? "not at all" : std::to_string(status) + " " + text; }
};

/// Thread-safe but for start() and end of life.
class Replica {
 public:
  /// Both must outlive the replica. `name` tells it from others of the same home.
  Replica(const Cluster& cluster, const Home& home, const std::string& name, bool elects_leader);

  /// Starts a process in the place of the last. False where it does not become ready.
  bool start();
  Proxy& proxy() { return proxy_; }
  const Proxy& proxy() const { return proxy_; }
  /// Of the last start().
  const std::shared_ptr<support::ControllerProcess>& process() const { return process_; }
  /// Sends an event once.
  Answer send(const std::string& event) const;
  /// What its processes have logged.
  std::string log() const;

 private:
  const Cluster& cluster_;
  const Home& home_;
  const bool elects_leader_;
  Proxy proxy_;
  const std::string kubeconfig_;
  std::shared_ptr<support::ControllerProcess> process_;
  std::string earlier_log_;
};

}  // namespace kintsugi::faults
