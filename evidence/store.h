// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "evidence/manifest.h"

namespace kintsugi::evidence {

/// Where the bytes go. Thread-safe. What was put is durable when put() returns.
class Store {
 public:
  virtual ~Store() = default;
  /// Keeps `content` as `path` (relative, "logs/web.log") of the incident; an earlier one of that path is
  /// replaced. Errors: kInvalidInput (a path that would leave the incident's place), kTooLarge (budget), I/O
  /// trouble.
  virtual Result<File> put(const std::string& incident, const std::string& path, std::string_view content,
                           std::string_view collector) = 0;
  /// Writes the manifest, last; returns the SHA-256 of its text.
  virtual Result<std::string> finish(const Manifest& manifest) = 0;
  /// The manifest of an incident, where one was finished; kNotFound otherwise.
  virtual Result<Manifest> find(const std::string& incident) = 0;
  /// For people: where an incident's evidence is.
  virtual std::string location(const std::string& incident) const = 0;
  /// False when the store dies with the controller's pod.
  virtual bool is_durable() const = 0;
};

/// How much a store may hold.
struct Budget {
  std::uint64_t per_incident_bytes = 256u << 20;
  /// Of all incidents together. 0: no limit on a durable volume, and kNotDurableBytes on one that dies with
  /// the pod: what is above an emptyDir's sizeLimit makes the kubelet evict the pod, and all is gone.
  std::uint64_t total_bytes = 0;
};
inline constexpr std::uint64_t kNotDurableBytes = 1536u << 20;  ///< three quarters of the chart's sizeLimit

/// `directory`/<incident>/… on a file system. The last eighth of the total is for files of at most 64 KiB, so
/// that a full store still takes manifests. What others add or remove there is seen after five minutes.
class DirectoryStore final : public Store {
 public:
  DirectoryStore(std::string directory, Budget budget, const Clock& clock);

  Result<File> put(const std::string& incident, const std::string& path, std::string_view content,
                   std::string_view collector) override;
  Result<std::string> finish(const Manifest& manifest) override;
  Result<Manifest> find(const std::string& incident) override;
  std::string location(const std::string& incident) const override;
  bool is_durable() const override;

 private:
  /// Counts `bytes` that are going to be written; kTooLarge where the total does not allow that.
  Result<void> reserve(std::uint64_t bytes);
  void give_back(std::uint64_t bytes);

  const std::string directory_;
  const Budget budget_;
  const Clock& clock_;
  std::mutex mutex_;
  std::uint64_t used_bytes_ = 0;           ///< guarded
  std::uint64_t limit_bytes_ = 0;          ///< guarded; 0: none
  std::optional<MonotonicTime> measured_;  ///< guarded; when the directory was last looked through
};

/// Judges from the text of /proc/self/mountinfo whether what is written below `directory` (absolute) outlives
/// the container: not on tmpfs, not in an emptyDir, not in the container's own layer (an overlay mounted at
/// "/").
bool is_durable_mount(std::string_view mountinfo, std::string_view directory);

}  // namespace kintsugi::evidence
