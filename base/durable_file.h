// SPDX-License-Identifier: Apache-2.0
//
// Files too large to be held in memory, that get their name only when they are complete.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "base/result.h"

namespace kintsugi {

/// A file that is being written under a name of its own. It is removed again unless it is published.
class UnfinishedFile {
 public:
  /// Makes `path` anew: what is there, a link too, is removed first. Nobody else can read it.
  static Result<UnfinishedFile> create(const std::string& path);
  ~UnfinishedFile();
  UnfinishedFile(UnfinishedFile&& other) noexcept;
  UnfinishedFile& operator=(UnfinishedFile&&) = delete;

  Result<void> write(std::string_view piece);
  /// publish_file(), and nothing is left under the old name.
  Result<void> publish(const std::string& to, mode_t mode);

 private:
  UnfinishedFile(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  Descriptor file_;
};

/// Gives the complete file `from` the name `to` in the same directory, in place of what is there: content,
/// then name are flushed to the disk, so that a crash leaves the old file or the new. `from` is no link.
Result<void> publish_file(const std::string& from, const std::string& to, mode_t mode);

/// Success also where there is none.
Result<void> remove_file(const std::string& path);

}  // namespace kintsugi
