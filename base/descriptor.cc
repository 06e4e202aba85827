// SPDX-License-Identifier: Apache-2.0
#include "base/descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace kintsugi {

Descriptor::Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) reset(std::exchange(other.value_, -1));
  return *this;
}

void Descriptor::reset(int value) {
  if (value_ >= 0) ::close(value_);
  value_ = value;
}

Error system_error(std::string_view what, const std::string& path, int number) {
  ErrorCode code = ErrorCode::kInternal;
  if (number == ENOENT || number == ENOTDIR) code = ErrorCode::kNotFound;
  if (number == EACCES || number == EPERM || number == EROFS) code = ErrorCode::kForbidden;
  if (number == ENOSPC || number == EDQUOT) code = ErrorCode::kUnavailable;
  return make_error(code, fmt::format("cannot {}: {}", what, std::strerror(number))).on(path);
}

Result<void> write_all(const Descriptor& file, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return fail(system_error("write", path, errno));
    }
    content.remove_prefix(std::size_t(written));
  }
  return {};
}

Result<void> flush_parent_directory(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const Descriptor directory(
      ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) return fail(system_error("open", parent, errno));
  if (::fsync(directory.get()) != 0) return fail(system_error("flush", parent, errno));
  return {};
}

}  // namespace kintsugi
