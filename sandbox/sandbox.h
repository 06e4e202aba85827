// SPDX-License-Identifier: Apache-2.0
//
// The pocket cluster: a fake Kubernetes API server with tiny controllers and an OCI registry, in this
// process, on plain HTTP. It has no server-side apply, strategic merge, schemas, RBAC, admission or OpenAPI,
// and no controllers but those for Deployments, ReplicaSets, pods and EndpointSlices. Where it disagrees with
// a real cluster, it is wrong.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "sandbox/controllers.h"
#include "sandbox/object_store.h"
#include "sandbox/oci_registry.h"
#include "sandbox/watch_server.h"

namespace kintsugi::sandbox {

struct SandboxOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free one
  std::string registry_address = "127.0.0.1";
  std::uint16_t registry_port = 0;
  std::uint64_t seed = 1;      ///< of names and UIDs
  std::size_t history = 4096;  ///< changes that a watch can go back
};

/// Runs from start_sandbox() to stop(). Thread-safe but for stop().
class Sandbox {
 public:
  ~Sandbox() { stop(); }
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  /// "http://127.0.0.1:41234".
  std::string api_url() const;
  /// "127.0.0.1:41235", the first part of image references.
  const std::string& registry_host() const { return registry_.host(); }
  ObjectStore& store() { return store_; }
  OciRegistry& registry() { return registry_; }
  /// Ends every watch and both servers. Idempotent.
  void stop();

 private:
  friend Result<std::unique_ptr<Sandbox>> start_sandbox(SandboxOptions, const Clock&, Logger&);

  Sandbox(SandboxOptions options, const Clock& clock);
  Result<void> start(Logger& log);
  void answer_request(const net::ServerRequest& request, std::unique_ptr<net::Responder> responder);
  void run_controllers(const std::stop_token& stop);

  const SandboxOptions options_;
  ObjectStore store_;
  OciRegistry registry_;
  Controllers controllers_;
  WatchServer watches_;
  std::unique_ptr<net::HttpServer> server_;
  std::jthread controller_thread_;
};

/// Starts with three nodes and the namespaces default, kube-system and kintsugi-system. `clock` and `log`
/// must outlive the result. Errors: those of net::start_http_server.
Result<std::unique_ptr<Sandbox>> start_sandbox(SandboxOptions options, const Clock& clock, Logger& log);

/// Adds the world of the demo: the protected namespace `shop` with Deployment `web` (3 replicas of a signed
/// digest) behind a Service, and Deployment `neighbour`. Returns the public key that verifies the image.
std::string seed_demo(Sandbox& sandbox);

/// A kubeconfig for `api_url`.
std::string make_kubeconfig(const std::string& api_url);

}  // namespace kintsugi::sandbox
