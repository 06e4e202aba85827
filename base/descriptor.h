// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace kintsugi {

/// Owns a file descriptor. -1: none.
class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;

  int get() const { return value_; }
  bool is_open() const { return value_ >= 0; }
  /// Closes what it has, and owns `value`.
  void reset(int value = -1);

 private:
  int value_;
};

/// Why the system would not do `what` to `path`: `number` is an errno. kNotFound, kForbidden, kUnavailable
/// where no space is left, kInternal.
Error system_error(std::string_view what, const std::string& path, int number);

/// Writes all of it. `path` is for the error.
Result<void> write_all(const Descriptor& file, std::string_view content, const std::string& path);

/// Flushes the names in the directory that `path` is in.
Result<void> flush_parent_directory(const std::string& path);

}  // namespace kintsugi
