// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
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

/// `directory`/<incident>/… on a file system. At most `budget_bytes` for one incident in this process's
/// lifetime.
class DirectoryStore final : public Store {
 public:
  DirectoryStore(std::string directory, std::uint64_t budget_bytes, const Clock& clock);

  Result<File> put(const std::string& incident, const std::string& path, std::string_view content,
                   std::string_view collector) override;
  Result<std::string> finish(const Manifest& manifest) override;
  Result<Manifest> find(const std::string& incident) override;
  std::string location(const std::string& incident) const override;
  bool is_durable() const override;

 private:
  std::string directory_;
  std::uint64_t budget_bytes_;
  const Clock& clock_;
};

/// Judges from the text of /proc/self/mountinfo whether what is written below `directory` (absolute) outlives
/// the container: not on tmpfs, not in an emptyDir, not in the container's own layer (an overlay mounted at
/// "/").
bool is_durable_mount(std::string_view mountinfo, std::string_view directory);

}  // namespace kintsugi::evidence
