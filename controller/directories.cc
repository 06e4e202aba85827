// SPDX-License-Identifier: Apache-2.0
#include "controller/directories.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>

#include "base/descriptor.h"
#include "base/file.h"

namespace kintsugi::controller {
namespace {

Result<void> check_listable(const char* flag, const std::string& directory) {
  if (directory.empty()) return {};
  auto listed = list_files(directory, {});
  if (listed) return {};
  return fail(std::move(listed).error().advise(std::string(flag) +
                                               " has to name a directory that this process may read"));
}

}  // namespace

Result<void> check_configuration_directories(const Settings& settings) {
  if (auto checked = check_listable("--playbooks", settings.playbooks_directory); !checked) return checked;
  return check_listable("--trust-policies", settings.trust_policies_directory);
}

Result<void> check_evidence_directory(const Settings& settings) {
  const std::string& directory = settings.evidence_directory;
  if (directory.empty()) return {};
  const auto trouble = [&](const std::string& operation, int number) {
    return fail(system_error(operation, directory, number)
                    .advise("--evidence-dir has to name a directory that this process may write to"));
  };
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return trouble("create directory", error.value());
  if (::access(directory.c_str(), R_OK | W_OK | X_OK) != 0) return trouble("write to", errno);
  return {};
}

}  // namespace kintsugi::controller
