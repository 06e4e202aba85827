// SPDX-License-Identifier: Apache-2.0
#include "evidence/regular_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/encoding.h"

namespace kintsugi::evidence {
namespace {

constexpr std::size_t kPieceBytes = 1u << 20;
constexpr mode_t kReadableForAll = 0644;

tl::unexpected<Error> failure(std::string_view what, const std::string& path, int number) {
  ErrorCode code = ErrorCode::kInternal;
  if (number == ENOENT || number == ENOTDIR) code = ErrorCode::kNotFound;
  if (number == EACCES || number == EPERM || number == EROFS) code = ErrorCode::kForbidden;
  if (number == ELOOP) code = ErrorCode::kInvalidInput;
  return fail(make_error(code, fmt::format("cannot {}: {}", what, std::strerror(number))).on(path));
}

}  // namespace

Result<RegularFile> RegularFile::open(const std::string& path) {
  // Not blocking: a FIFO without a writer would be waited for.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return failure("open", path, errno);
  RegularFile file(descriptor, path);
  struct stat found{};
  if (::fstat(descriptor, &found) != 0) return failure("look at", path, errno);
  if (!S_ISREG(found.st_mode))
    return fail(make_error(ErrorCode::kInvalidInput, "not a regular file").on(path));
  return file;
}

RegularFile::~RegularFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

RegularFile::RegularFile(RegularFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

Result<std::uint64_t> RegularFile::bytes() const {
  struct stat found{};
  if (::fstat(descriptor_, &found) != 0) return failure("look at", path_, errno);
  return std::uint64_t(found.st_size);
}

Result<WallTime> RegularFile::modified() const {
  struct stat found{};
  if (::fstat(descriptor_, &found) != 0) return failure("look at", path_, errno);
  return WallTime(std::chrono::seconds(found.st_mtim.tv_sec) +
                  std::chrono::nanoseconds(found.st_mtim.tv_nsec));
}

Result<std::string> RegularFile::sha256(const std::function<bool()>& go_on) const {
  const auto expected = bytes();
  if (!expected) return fail(expected.error());
  Sha256 hash;
  std::vector<char> piece(kPieceBytes);
  std::uint64_t offset = 0;
  for (;;) {
    if (!go_on()) return fail(make_error(ErrorCode::kCancelled, "hashing was stopped").on(path_));
    const ssize_t got = ::pread(descriptor_, piece.data(), piece.size(), off_t(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure("read", path_, errno);
    if (got == 0) break;
    hash.update({piece.data(), std::size_t(got)});
    offset += std::uint64_t(got);
    if (offset > *expected) break;
  }
  if (offset != *expected || bytes().value_or(offset + 1) != offset)
    return fail(make_error(ErrorCode::kConflict, "somebody is still writing to it").on(path_));
  return hash.finish_hex();
}

Result<void> RegularFile::flush() const {
  if (::fsync(descriptor_) != 0) return failure("flush", path_, errno);
  return {};
}

Result<void> make_file_for_others(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failure("replace", path, errno);
  const int made =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kReadableForAll);
  if (made < 0) return failure("create", path, errno);
  const bool readable = ::fchmod(made, kReadableForAll) == 0;  // whatever the umask is
  const int number = errno;
  ::close(made);
  if (!readable) return failure("create", path, number);
  return {};
}

Result<void> rename_durably(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return failure("rename", from, errno);
  const std::string parent = std::filesystem::path(to).parent_path().string();
  const int directory = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return failure("open", parent, errno);
  const bool flushed = ::fsync(directory) == 0;
  const int number = errno;
  ::close(directory);
  if (!flushed) return failure("flush", parent, number);
  return {};
}

}  // namespace kintsugi::evidence
