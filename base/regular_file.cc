// SPDX-License-Identifier: Apache-2.0
#include "base/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace kintsugi {

Result<RegularFile> RegularFile::open(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.is_open() && errno == ENXIO)  // a socket
    return fail(make_error(ErrorCode::kInvalidInput, "not a regular file").on(path));
  if (!file.is_open()) return fail(system_error("open", path, errno));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail(system_error("look at", path, errno));
  if (!S_ISREG(status.st_mode))
    return fail(make_error(ErrorCode::kInvalidInput, "not a regular file").on(path));
  return RegularFile(path, std::move(file), std::uint64_t(status.st_size), {status.st_dev, status.st_ino});
}

Result<void> RegularFile::read(const PieceSink& take) const {
  constexpr std::size_t kPieceBytes = 256u << 10;
  std::string buffer(kPieceBytes, '\0');
  for (off_t offset = 0;;) {
    const ssize_t got = ::pread(file_.get(), buffer.data(), buffer.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error("read", path_, errno));
    if (got == 0) return {};
    offset += got;
    if (auto taken = take({buffer.data(), std::size_t(got)}); !taken) return taken;
  }
}

Result<std::string> RegularFile::read_all(std::size_t max_bytes) const {
  std::string content;
  auto done = read([&](std::string_view piece) -> Result<void> {
    if (content.append(piece).size() <= max_bytes) return {};
    return fail(
        make_error(ErrorCode::kTooLarge, "more than " + std::to_string(max_bytes) + " bytes").on(path_));
  });
  if (!done) return fail(std::move(done).error());
  return content;
}

}  // namespace kintsugi
