// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "evidence/manifest.h"

namespace kintsugi::evidence {

/// A file that another program writes (libvirt, as root) and that is not evidence yet. Room for it is kept
/// until adopt() or the end of this object, which also removes what was written. Not shared between threads.
class ExpectedFile {
 public:
  virtual ~ExpectedFile() = default;
  /// Absolute. There is an empty regular file by this name in a private directory, to be written over.
  virtual const std::string& path() const = 0;
  /// Makes what was written evidence: hashed once, flushed, and only then given its name. Once; the writer
  /// has to be through. Errors: kTooLarge (more than there was room for), kInvalidInput (nothing was written,
  /// or it is no regular file any more), kConflict (it still grows), kCancelled, I/O trouble.
  virtual Result<File> adopt(std::string_view collector, std::stop_token stop) = 0;
};

/// What expect_file() makes has this folder in its incident's place, and put() keeps out of it.
inline constexpr std::string_view kDumpFolder = "dumps";

/// Where the bytes go. Thread-safe. What was put is durable when put() returns.
class Store {
 public:
  virtual ~Store() = default;
  /// Keeps `content` as `path` (relative, "logs/web.log") of the incident; an earlier one of that path is
  /// replaced. Errors: kInvalidInput (a path that would leave the incident's place), kTooLarge (budget), I/O
  /// trouble.
  virtual Result<File> put(const std::string& incident, const std::string& path, std::string_view content,
                           std::string_view collector) = 0;
  /// Makes room for `name` (a plain name, "memory.elf"), of which another program will write at most `bytes`;
  /// it becomes evidence as "dumps/<name>". What an attempt before a crash has left of it is removed. Errors:
  /// kTooLarge, with numbers, where budget or disk do not allow that; kInvalidInput; I/O trouble.
  virtual Result<std::unique_ptr<ExpectedFile>> expect_file(const std::string& incident,
                                                            const std::string& name, std::uint64_t bytes) = 0;
  /// What an attempt before a crash has kept as `path`, hashed anew: a file has its name only when it is
  /// whole. kNotFound: nothing.
  virtual Result<File> find_file(const std::string& incident, const std::string& path,
                                 std::string_view collector, std::stop_token stop) = 0;
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
  /// Of what is put().
  std::uint64_t per_incident_bytes = 256u << 20;
  /// Of all incidents together. 0: no limit on a durable volume, and kNotDurableBytes on one that dies with
  /// the pod: what is above an emptyDir's sizeLimit makes the kubelet evict the pod, and all is gone.
  std::uint64_t total_bytes = 0;
  /// Of expected files, which have the size of a machine's memory.
  std::uint64_t per_incident_dump_bytes = 64ull << 30;
};
inline constexpr std::uint64_t kNotDurableBytes = 1536u << 20;  ///< three quarters of the chart's sizeLimit

/// A file system's room, for whoever asks.
struct DiskSpace {
  std::uint64_t free_bytes = 0;
  std::uint64_t total_bytes = 0;
};
using AskDiskSpace = std::function<Result<DiskSpace>(const std::string& directory)>;
/// Of the file system that has `directory`.
Result<DiskSpace> disk_space(const std::string& directory);
/// Expected files leave that much of a disk free: a twentieth, at least 1 GiB. The machines of the host may
/// have their disks on the same one, and stop when it is full.
std::uint64_t bytes_to_leave_free(const DiskSpace& space);

/// `directory`/<incident>/… on a file system. The last eighth of the total is for files of at most 64 KiB, so
/// that a full store still takes manifests. What others add or remove there is seen after five minutes.
class DirectoryStore final : public Store {
 public:
  DirectoryStore(std::string directory, Budget budget, const Clock& clock, AskDiskSpace ask = disk_space);

  Result<File> put(const std::string& incident, const std::string& path, std::string_view content,
                   std::string_view collector) override;
  Result<std::unique_ptr<ExpectedFile>> expect_file(const std::string& incident, const std::string& name,
                                                    std::uint64_t bytes) override;
  Result<File> find_file(const std::string& incident, const std::string& path, std::string_view collector,
                         std::stop_token stop) override;
  Result<std::string> finish(const Manifest& manifest) override;
  Result<Manifest> find(const std::string& incident) override;
  std::string location(const std::string& incident) const override;
  bool is_durable() const override;

 private:
  class Expected;

  bool is_expected(const std::string& path);
  Result<void> keep_room(const std::string& path, std::uint64_t bytes);
  /// The room is not kept any more, because the file has that size now.
  void end_room(const std::string& path, std::uint64_t bytes);
  /// Counts `bytes` that are going to be written; kTooLarge where the total does not allow that.
  Result<void> reserve(std::uint64_t bytes);
  void give_back(std::uint64_t bytes);
  /// Looks through the directory where that was long ago. With the lock held.
  void measure();

  const std::string directory_;
  const Budget budget_;
  const Clock& clock_;
  const AskDiskSpace ask_;
  std::mutex mutex_;
  std::uint64_t used_bytes_ = 0;           ///< guarded
  std::uint64_t limit_bytes_ = 0;          ///< guarded; 0: none
  std::optional<MonotonicTime> measured_;  ///< guarded; when the directory was last looked through
  /// Guarded; what is kept for expected files, by path. Part of `used_bytes_`.
  std::map<std::filesystem::path, std::uint64_t> rooms_;
};

/// Judges from the text of /proc/self/mountinfo whether what is written below `directory` (absolute) outlives
/// the container: not on tmpfs, not in an emptyDir, not in the container's own layer (an overlay mounted at
/// "/").
bool is_durable_mount(std::string_view mountinfo, std::string_view directory);

}  // namespace kintsugi::evidence
