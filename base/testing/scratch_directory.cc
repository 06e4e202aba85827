// SPDX-License-Identifier: Apache-2.0
#include "base/testing/scratch_directory.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace kintsugi {

ScratchDirectory::ScratchDirectory()
    : path_(std::filesystem::temp_directory_path() / "kintsugi-test-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no directory " + path_);
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ScratchDirectory::operator/(std::string_view name) const {
  std::string path = path_ + "/";
  return path += name;
}

std::string ScratchDirectory::write(std::string_view name, std::string_view content) const {
  const std::string path = *this / name;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream file(path, std::ios::binary);
  if (!(file << content).flush()) throw std::runtime_error("cannot write " + path);
  return path;
}

}  // namespace kintsugi
