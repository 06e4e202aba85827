// SPDX-License-Identifier: Apache-2.0
#include "incidents/sqlite_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "incidents/sqlite_connection.h"

namespace kintsugi::incidents {
namespace {

tl::unexpected<Error> system_failure(std::string_view what, const std::string& path, int number) {
  ErrorCode code = ErrorCode::kInternal;
  if (number == ENOENT || number == ENOTDIR) code = ErrorCode::kNotFound;
  if (number == EEXIST) code = ErrorCode::kAlreadyExists;
  if (number == EACCES || number == EPERM || number == EROFS || number == ELOOP) code = ErrorCode::kForbidden;
  if (number == ENOSPC || number == EDQUOT || number == EIO) code = ErrorCode::kUnavailable;
  return fail(make_error(code, fmt::format("cannot {}: {}", what, std::strerror(number))).on(path));
}

std::string directory_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

bool may_others_write(const struct stat& file) {
  return (file.st_mode & (S_IWGRP | S_IWOTH)) != 0 || (file.st_uid != ::geteuid() && file.st_uid != 0);
}

tl::unexpected<Error> not_ours_alone(const std::string& path) {
  return fail(
      make_error(ErrorCode::kForbidden, "others may write to it")
          .on(path)
          .advise("give it to the user that runs this program, and take the right to write from all others")
          .because("DatabaseNotPrivate"));
}

Result<void> check_directory(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return system_failure("look at the directory", path, errno);
  // Who may write here can put another file, or a log for it, in the database's place.
  if (may_others_write(status)) return not_ours_alone(path);
  return {};
}

Result<void> check_absence(const std::string& path) {
  for (const char* const suffix : {"-wal", "-journal"}) {
    if (std::error_code ignored; std::filesystem::exists(path + suffix, ignored)) {
      // SQLite would take the old log's content for that of the new file.
      return fail(
          database_damaged(fmt::format("there is no database, but its log {}{}", path, suffix)).on(path));
    }
  }
  return {};
}

Result<void> flush(const std::string& path, int flags) {
  const OwnedFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags));
  if (file.get() < 0) return system_failure("open", path, errno);
  if (::fsync(file.get()) != 0) return system_failure("flush", path, errno);
  return {};
}

}  // namespace

OwnedFile& OwnedFile::operator=(OwnedFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

OwnedFile::~OwnedFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<bool> find_database_file(const std::string& path) {
  if (auto checked = check_directory(directory_of(path)); !checked) return fail(std::move(checked).error());
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) return system_failure("look at the database", path, errno);
    if (auto absent = check_absence(path); !absent) return fail(std::move(absent).error());
    return false;
  }
  if (!S_ISREG(status.st_mode)) {
    const char* const kind =
        S_ISDIR(status.st_mode) ? "is a directory, not a database" : "is not a regular file";
    return fail(make_error(ErrorCode::kInvalidInput, kind).on(path).advise("name a file"));
  }
  if (may_others_write(status)) return not_ours_alone(path);
  if (status.st_size == 0) return fail(database_damaged("the file is empty").on(path));
  return true;
}

Result<OwnedFile> lock_database(const std::string& path) {
  const std::string lock = path + ".lock";
  OwnedFile file(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return system_failure("open", lock, errno);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return file;
  if (errno != EWOULDBLOCK) return system_failure("lock", lock, errno);
  return fail(make_error(ErrorCode::kUnavailable, "another process has this database open")
                  .on(path)
                  .advise(fmt::format("end it first; `fuser {}` names it", lock))
                  .because("DatabaseInUse"));
}

Result<std::string> make_private_file(const std::string& path) {
  std::string name = path + ".XXXXXX";
  const OwnedFile file(::mkostemp(name.data(), O_CLOEXEC));
  if (file.get() < 0) return system_failure("create a file beside it", path, errno);
  return name;
}

Result<void> publish_file(const std::string& temporary, const std::string& path) {
  if (auto flushed = flush(temporary, 0); !flushed) return flushed;
  // Unlike rename() it never replaces a file.
  if (::link(temporary.c_str(), path.c_str()) != 0) return system_failure("create", path, errno);
  if (::unlink(temporary.c_str()) != 0) return system_failure("remove", temporary, errno);
  return flush(directory_of(path), O_DIRECTORY);
}

}  // namespace kintsugi::incidents
