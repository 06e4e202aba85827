// SPDX-License-Identifier: Apache-2.0
//
// The files of a database as the operating system sees them: whose they are, who holds them, how they come
// into being. For the other sqlite files of this folder only.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace kintsugi::incidents {

/// An open file, closed with this object.
class OwnedFile {
 public:
  explicit OwnedFile(int descriptor) : descriptor_(descriptor) {}
  OwnedFile(OwnedFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  OwnedFile& operator=(OwnedFile&& other) noexcept;
  ~OwnedFile();
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

/// Whether there is a database file at `path` that can be trusted: a regular file with content, which nobody
/// but this process's user and root may change or replace. Errors: kForbidden where others may, kNotFound
/// without its directory, kInvalidInput for anything else at that place, and for an empty file or a log
/// without its database.
Result<bool> find_database_file(const std::string& path);

/// Holds `<path>.lock` as long as the returned file lives: of two processes one gets it. The file itself
/// stays. Errors: kUnavailable where another process has it.
Result<OwnedFile> lock_database(const std::string& path);

/// Makes an empty file with mode 0600, `<path>.<six letters>`, which was nobody's before, and returns its
/// name. A crash leaves it.
Result<std::string> make_private_file(const std::string& path);

/// Gives a complete file its name so that a crash leaves it whole or not at all; it is on the disk when this
/// returns. Errors: kAlreadyExists where something has that name.
Result<void> publish_file(const std::string& temporary, const std::string& path);

}  // namespace kintsugi::incidents
