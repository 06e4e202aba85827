// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_config_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/file.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxBytes = 1u << 20;

/// Another text for another file or content; empty where there is none.
std::string version_of(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  return fmt::format("{} {} {} {}.{}", status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec);
}

}  // namespace

Result<std::shared_ptr<RegistryConfigFile>> RegistryConfigFile::open(std::string path, Logger& log) {
  std::shared_ptr<RegistryConfigFile> file(new RegistryConfigFile(std::move(path), log));
  file->version_ = version_of(file->path_);
  if (auto read = file->read(); !read) return tl::unexpected(std::move(read).error());
  return file;
}

std::shared_ptr<const RegistryCredentials> RegistryConfigFile::current() {
  const std::lock_guard lock(mutex_);
  std::string version = version_of(path_);
  if (version != version_) {
    version_ = std::move(version);
    if (auto read = this->read(); !read) {
      log_.error("The credentials for registries in force stay", {{"error", read.error().to_string()}});
    }
  }
  return credentials_;
}

Result<void> RegistryConfigFile::read() {
  auto text = read_file(path_, kMaxBytes);
  if (!text) return tl::unexpected(std::move(text).error());
  auto parsed = RegistryCredentials::parse(Secret(std::move(*text)));
  if (!parsed) return fail(std::move(parsed).error().on(path_));
  credentials_ = std::make_shared<const RegistryCredentials>(std::move(*parsed));
  return {};
}

}  // namespace kintsugi::trust
