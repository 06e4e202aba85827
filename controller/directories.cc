// SPDX-License-Identifier: Apache-2.0
#include "controller/directories.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace kintsugi::controller {
namespace {

/// Whether this process may use the directory in that way; 0, or what is in the way.
int trouble_with(const std::string& path, int rights) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return errno;
  if (!S_ISDIR(status.st_mode)) return ENOTDIR;
  return ::faccessat(AT_FDCWD, path.c_str(), rights, AT_EACCESS) == 0 ? 0 : errno;
}

ErrorCode code_of(int number) {
  switch (number) {
    case ENOENT: return ErrorCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorCode::kForbidden;
    default: return ErrorCode::kInvalidInput;
  }
}

Error unusable(const std::string& flag, const std::string& path, const std::string& what, int number) {
  return make_error(code_of(number), what + ": " + std::generic_category().message(number))
      .on(flag + " " + path);
}

Result<void> check_readable(const std::string& flag, const std::string& path, const std::string& of_what) {
  if (path.empty()) return {};
  const int number = trouble_with(path, R_OK | X_OK);
  if (number == 0) return {};
  return fail(
      unusable(flag, path, "the directory of " + of_what + " cannot be read", number)
          .advise("make the directory, which may be empty, and let this user read it, or name another"));
}

}  // namespace

Result<void> check_configuration_directories(const Settings& settings) {
  if (auto good = check_readable("--playbooks", settings.playbooks_directory, "playbooks"); !good)
    return good;
  return check_readable("--trust-policies", settings.trust_policies_directory, "trust policies");
}

Result<void> check_evidence_directory(const Settings& settings) {
  const std::string& path = settings.evidence_directory;
  if (path.empty()) return {};
  std::error_code ignored;  // whatever it was is seen below
  std::filesystem::create_directories(path, ignored);
  const int number = trouble_with(path, R_OK | W_OK | X_OK);
  if (number == 0) return {};
  return fail(
      unusable("--evidence-dir", path, "evidence cannot be kept there", number)
          .advise("name a directory that this user may write to; without the flag no evidence is kept"));
}

}  // namespace kintsugi::controller
