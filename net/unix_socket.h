// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <string>

#include "base/result.h"

namespace kintsugi::net {

/// What the kernel has room for in the name of a unix socket (sun_path, less its final zero byte).
inline constexpr std::size_t kMaxUnixPathBytes = 107;

/// Whether a path can name a unix socket. kInvalidInput: it is empty, too long or has a zero byte.
Result<void> check_unix_path(const std::string& path);

/// A listening unix socket in the file system, which goes with this object. Thread-safe.
class UnixSocketFile {
 public:
  /// Makes the file with mode 0600 and listens, non-blocking; nobody gets through before the mode is right.
  /// The file of a process that is gone is replaced. Two that start at once do not replace each other's.
  /// Errors: kInvalidInput (check_unix_path(); something else than a socket is there), kUnavailable (somebody
  /// answers there, or the socket cannot be made).
  static Result<std::unique_ptr<UnixSocketFile>> listen(const std::string& path);

  ~UnixSocketFile();
  UnixSocketFile(const UnixSocketFile&) = delete;
  UnixSocketFile& operator=(const UnixSocketFile&) = delete;

  /// The descriptor, which is the caller's from here on. Once.
  int take_descriptor();
  /// Takes the file away, unless it has become another's. Connections stay. Idempotent.
  void remove();

 private:
  UnixSocketFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  Result<void> bind();

  const std::string path_;
  std::atomic<int> descriptor_;
  std::atomic<bool> is_there_ = false;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace kintsugi::net
