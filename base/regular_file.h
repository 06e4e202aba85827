// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/descriptor.h"
#include "base/file.h"

namespace kintsugi {

/// Which file it is, whatever it is called now.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

/// A file that has to be a regular one, for paths at which anything may be: a FIFO or a device is refused,
/// and never waited for. Links are followed; whoever changes one later changes nothing about an open file.
class RegularFile {
 public:
  /// Errors: kInvalidInput for anything else than a regular file; kNotFound, kForbidden, kInternal.
  static Result<RegularFile> open(const std::string& path);

  /// When it was opened; it may change while it is read.
  std::uint64_t size() const { return size_; }
  FileIdentity identity() const { return identity_; }
  /// From its beginning to its end, piece by piece, until `take` gives an error, which is returned.
  Result<void> read(const PieceSink& take) const;
  /// All of it. Error, besides: kTooLarge above `max_bytes`.
  Result<std::string> read_all(std::size_t max_bytes) const;

 private:
  RegularFile(std::string path, Descriptor file, std::uint64_t size, FileIdentity identity)
      : path_(std::move(path)), file_(std::move(file)), size_(size), identity_(identity) {}

  std::string path_;
  Descriptor file_;
  std::uint64_t size_;
  FileIdentity identity_;
};

}  // namespace kintsugi
