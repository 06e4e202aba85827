// SPDX-License-Identifier: Apache-2.0
//
// The pocket cluster: a fake Kubernetes API server with tiny controllers and an OCI registry, in this
// process, on plain HTTP. It has no server-side apply, strategic merge, schemas, RBAC, admission or OpenAPI,
// and no controllers but those for Deployments, ReplicaSets, pods and EndpointSlices. Where it disagrees with
// a real cluster, it is wrong.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "sandbox/containers.h"
#include "sandbox/object_store.h"
#include "sandbox/oci_registry.h"

namespace kintsugi::sandbox {

struct SandboxOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free one
  std::string registry_address = "127.0.0.1";
  std::uint16_t registry_port = 0;
  std::uint64_t seed = 1;  ///< of names and UIDs
  PodTimings timings = {};
  std::size_t history = 4096;  ///< changes that a watch can go back
  std::chrono::milliseconds bookmark_interval{1000};
};

/// Runs from start_sandbox() to stop(). Thread-safe but for stop().
class Sandbox {
 public:
  virtual ~Sandbox() = default;
  /// "http://127.0.0.1:41234".
  virtual std::string api_url() const = 0;
  /// "127.0.0.1:41235", the first part of image references.
  virtual std::string registry_host() const = 0;
  virtual ObjectStore& store() = 0;
  virtual OciRegistry& registry() = 0;
  virtual Containers& containers() = 0;
  /// Ends every watch and both servers. Idempotent.
  virtual void stop() = 0;
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
