// SPDX-License-Identifier: Apache-2.0
//
// The scheduler and the kubelets: what becomes of a pod between its creation and its end.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "sandbox/object_store.h"

namespace kintsugi::sandbox {

/// What a runtime learns from the registry when it pulls.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  /// The `imageID` that the runtime reports for `image`. Errors: the image cannot be pulled.
  virtual Result<std::string> pull(const std::string& image) const = 0;
};

/// How long things take.
struct PodTimings {
  std::chrono::milliseconds start{20};      ///< scheduled to running
  std::chrono::milliseconds ready{20};      ///< running to Ready
  std::chrono::milliseconds terminate{20};  ///< at most, within the pod's grace period
  std::chrono::milliseconds retry{200};     ///< a failed pull, or a crash, to the next try
};

/// The annotation of a pod that makes it fail while it stands: "never-ready", "crash-loop", "image-pull". An
/// image whose repository ends in one of these words fails the same way.
inline constexpr const char* kFailureAnnotation = "sandbox.kintsugi.dev/failure";

/// Drives every pod through Pending, Running, Ready, and its deletion. Pods are bound to the nodes in turn.
/// Not thread-safe.
class PodLifecycle {
 public:
  PodLifecycle(ObjectStore& store, const Clock& clock, const ImageSource& images, PodTimings timings);

  /// One pass over all pods.
  void step();
  /// When step() has something to do again without any write in between; MonotonicTime::max() for never.
  MonotonicTime next_due() const;

 private:
  enum class Stage : std::uint8_t { kUnbound, kCreating, kRunning, kTerminating };
  struct Progress {
    Stage stage = Stage::kUnbound;
    MonotonicTime due;  ///< of the next thing that time brings; max(): none
    std::uint64_t pass = 0;
  };

  void advance(const Object& pod, Progress& progress);
  void bind(const nlohmann::json& pod, Progress& progress);
  void start(const nlohmann::json& pod, Progress& progress);
  void run(const nlohmann::json& pod, Progress& progress);
  void terminate(const nlohmann::json& pod, Progress& progress);
  void write_status(const nlohmann::json& pod, const std::function<void(nlohmann::json& status)>& change);
  std::string now() const;

  ObjectStore& store_;
  const Clock& clock_;
  const ImageSource& images_;
  const PodTimings timings_;
  std::map<std::string, Progress> progress_;  ///< by UID
  std::uint64_t pass_ = 0;
  std::uint32_t bound_ = 0;
};

}  // namespace kintsugi::sandbox
