// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "net/http_server.h"
#include "sandbox/oci_registry.h"

namespace kintsugi::sandbox {

/// Serves a registry on plain HTTP, until stop() or its end. Thread-safe but for start() and stop().
class RegistryServer {
 public:
  /// `registry` must outlive this object.
  explicit RegistryServer(OciRegistry& registry) : registry_(registry) {}
  ~RegistryServer() { stop(); }
  RegistryServer(const RegistryServer&) = delete;
  RegistryServer& operator=(const RegistryServer&) = delete;

  /// Listens, on any free port where `port` is 0, and tells the registry its host. Errors: those of
  /// net::start_http_server.
  Result<void> start(const std::string& address, std::uint16_t port, Logger& log);
  /// "127.0.0.1:41235"; once started.
  std::string host() const;
  /// Idempotent.
  void stop();

 private:
  OciRegistry& registry_;
  std::string address_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<net::Responder>>
      hung_;  ///< guarded by mutex_; requests that are never answered
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace kintsugi::sandbox
