// SPDX-License-Identifier: Apache-2.0
#include "base/durable_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace kintsugi {

Result<UnfinishedFile> UnfinishedFile::create(const std::string& path) {
  if (auto removed = remove_file(path); !removed) return fail(std::move(removed).error());
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_open()) return fail(system_error("create", path, errno));
  return UnfinishedFile(path, std::move(file));
}

UnfinishedFile::UnfinishedFile(UnfinishedFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), file_(std::move(other.file_)) {}

UnfinishedFile::~UnfinishedFile() {
  if (file_.is_open()) ::unlink(path_.c_str());
}

Result<void> UnfinishedFile::write(std::string_view piece) {
  return write_all(file_, piece, path_);
}

Result<void> UnfinishedFile::publish(const std::string& to, mode_t mode) {
  auto published = publish_file(path_, to, mode);
  if (published) file_.reset();
  return published;
}

Result<void> publish_file(const std::string& from, const std::string& to, mode_t mode) {
  const Descriptor file(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.is_open()) return fail(system_error("open", from, errno));
  if (::fchmod(file.get(), mode) != 0) return fail(system_error("set the mode of", from, errno));
  if (::fsync(file.get()) != 0) return fail(system_error("flush", from, errno));
  if (::rename(from.c_str(), to.c_str()) != 0) return fail(system_error("rename", from, errno));
  return flush_parent_directory(to);
}

Result<void> remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail(system_error("remove", path, errno));
}

}  // namespace kintsugi
