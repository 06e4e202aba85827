// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace kintsugi::evidence {

/// A file that somebody else has written, open for reading. Only a regular one: opening a FIFO, or what a
/// symbolic link leads to, is refused at once and never waits. Movable, not shared between threads.
class RegularFile {
 public:
  /// Errors: kInvalidInput for what is no regular file, kNotFound, kForbidden, kInternal.
  static Result<RegularFile> open(const std::string& path);
  ~RegularFile();
  RegularFile(RegularFile&& other) noexcept;
  RegularFile& operator=(RegularFile&&) = delete;

  /// As of now.
  Result<std::uint64_t> bytes() const;
  Result<WallTime> modified() const;
  /// Of the whole content, 64 lower-case hex digits. `go_on` is asked every MiB; kCancelled where it says no,
  /// kConflict where the file changed its size meanwhile.
  Result<std::string> sha256(const std::function<bool()>& go_on) const;
  /// Returns once the content is on the disk.
  Result<void> flush() const;

 private:
  RegularFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}

  int descriptor_;
  std::string path_;
};

/// Makes `path` as an empty regular file that everybody may read, in place of whatever non-directory has that
/// name. Only a private directory makes it private: a program that runs as somebody else may take it over
/// while it writes, and what it leaves must stay readable for its maker.
Result<void> make_file_for_others(const std::string& path);

/// Renames within a directory, and returns once that is on the disk.
Result<void> rename_durably(const std::string& from, const std::string& to);

}  // namespace kintsugi::evidence
