// SPDX-License-Identifier: Apache-2.0
//
// The scheduler and the kubelets: what becomes of a pod between its creation and its end.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "sandbox/object_store.h"
#include "sandbox/oci_registry.h"

namespace kintsugi::sandbox {

/// The annotation of a pod that makes it fail while it stands: "never-ready" or "crash-loop".
inline constexpr const char* kFailureAnnotation = "sandbox.kintsugi.dev/failure";

/// Drives every pod through Pending, Running, Ready, and its deletion; each takes some 20 ms. Pods are bound
/// to node-0, node-1 and node-2 in turn. Not thread-safe.
class PodLifecycle {
 public:
  PodLifecycle(ObjectStore& store, const Clock& clock, const OciRegistry& registry)
      : store_(store), clock_(clock), registry_(registry) {}

  /// One pass over all pods.
  void step();
  /// When step() has something to do again without any write in between; MonotonicTime::max() for never.
  MonotonicTime next_due() const;

 private:
  enum class Stage : std::uint8_t { kUnbound, kCreating, kRunning, kTerminating };
  struct Progress {
    Stage stage = Stage::kUnbound;
    std::optional<MonotonicTime> due;  ///< nothing happens before; none: whenever something was written
  };

  void advance(const nlohmann::json& pod, Progress& progress);
  void bind(const nlohmann::json& pod, Progress& progress);
  void start(const nlohmann::json& pod, Progress& progress);
  void run(const nlohmann::json& pod, Progress& progress);
  void write_status(const nlohmann::json& pod, const Edit& change);
  std::string now() const;

  ObjectStore& store_;
  const Clock& clock_;
  const OciRegistry& registry_;
  std::map<std::string, Progress> progress_;  ///< by UID
  std::uint32_t bound_ = 0;
};

}  // namespace kintsugi::sandbox
