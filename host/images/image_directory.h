// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/regular_file.h"
#include "base/result.h"
#include "trust/crypto/digest.h"
#include "trust/disk/disk_image.h"
#include "trust/registry/call.h"

namespace kintsugi::host {

/// Free bytes of the file system that a directory is on.
Result<std::uint64_t> free_bytes_of(const std::string& directory);

/// Where the content of an image goes while it arrives.
class ImageSink {
 public:
  virtual ~ImageSink() = default;
  /// How large it is going to be, before the first byte, where that is known. Errors: NotEnoughSpace.
  virtual Result<void> expect(std::uint64_t bytes) = 0;
  /// Errors: those of the file; NotEnoughSpace; DigestMismatch for more than was expected; kCancelled,
  /// kTimeout.
  virtual Result<void> write(std::string_view piece) = 0;
};

/// Kintsugi's own place for golden images: a directory 0711 with files 0444 that are called by their digest
/// and format, "<64 hex digits>.qcow2". A file has its name only when it is complete and what it is called.
/// Thread-safe; calls block.
class ImageDirectory {
 public:
  /// Kept free on the file system, on which the database of incidents may be, too.
  static constexpr std::uint64_t kReserveBytes = std::uint64_t{1} << 30;
  using FreeBytes = std::function<Result<std::uint64_t>(const std::string& directory)>;

  struct Stored {
    std::string path;  ///< absolute
    trust::DiskImage disk;
    FileIdentity file{};
  };
  /// Hands the content to the sink, and ends with its errors.
  using Produce = std::function<Result<void>(ImageSink& sink)>;

  /// Makes the directory where there is none, and removes what a crash has left half written. Errors:
  /// kInvalidInput for a path that is no directory; kForbidden for one that others may write to, or that is
  /// somebody else's. `clock` must outlive the result.
  static Result<std::unique_ptr<ImageDirectory>> open(const std::string& path, const Clock& clock,
                                                      FreeBytes free_bytes = free_bytes_of);

  /// The image with this digest: what is there is hashed again; where nothing is there, or something else,
  /// `produce` has to bring it. Of several callers who want the same one brings it, and the others wait.
  /// Errors: those of `produce`; kRefused with DigestMismatch for other content; those of
  /// check_disk_image(); those of ImageSink.
  Result<Stored> provide(const trust::Digest& digest, const Produce& produce, const trust::Call& call);

  /// Where the image with this digest and format is, or would be.
  std::string path_of(const trust::Digest& digest, std::string_view format) const;
  /// Whether the file is there and has that content; returns which file it is. Errors: kNotFound; kRefused
  /// with DigestMismatch; kCancelled.
  Result<FileIdentity> check(const trust::Digest& digest, std::string_view format,
                             const std::stop_token& stop) const;

 private:
  class Turn;
  ImageDirectory(std::string path, const Clock& clock, FreeBytes free_bytes)
      : path_(std::move(path)), clock_(clock), free_bytes_(std::move(free_bytes)) {}
  Result<void> remove_unfinished() const;
  Result<Stored> read(const trust::Digest& digest, std::string_view format,
                      const std::stop_token& stop) const;
  Result<Stored> bring(const trust::Digest& digest, const Produce& produce, const trust::Call& call) const;

  const std::string path_;
  const Clock& clock_;
  const FreeBytes free_bytes_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::set<trust::Digest> busy_;  ///< being looked at or brought by a caller of provide()
};

}  // namespace kintsugi::host
