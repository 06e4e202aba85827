// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kintsugi {

/// A directory of its own below TMPDIR, gone with this object. Throws where none can be made.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  const std::string& path() const { return path_; }
  /// The full path of something in it.
  std::string operator/(std::string_view name) const;
  /// Writes a file, and its directories below this one. Returns its full path; throws where it cannot.
  std::string write(std::string_view name, std::string_view content) const;

 private:
  std::string path_;
};

}  // namespace kintsugi
