// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "trust/registry/registry_credentials.h"

namespace kintsugi::trust {

/// Credentials for registries in a file, which is read again when it has changed, as a mounted Secret does.
/// Thread-safe.
class RegistryConfigFile {
 public:
  /// Fails where the file cannot be read or used. `log` must outlive this object.
  static Result<std::shared_ptr<RegistryConfigFile>> open(std::string path, Logger& log);

  /// What the file says now; where that cannot be used it is logged, once, and what it said before stays.
  std::shared_ptr<const RegistryCredentials> current();

 private:
  RegistryConfigFile(std::string path, Logger& log) : path_(std::move(path)), log_(log) {}
  Result<void> read();

  const std::string path_;
  Logger& log_;
  std::mutex mutex_;
  std::string version_;                                     ///< guarded; changes with the file
  std::shared_ptr<const RegistryCredentials> credentials_;  ///< guarded
};

}  // namespace kintsugi::trust
