// SPDX-License-Identifier: Apache-2.0
//
// The cluster that is measured, with what the bench makes in it: three namespaces, and Deployments whose pods
// are the victims.
#pragma once

#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/testing/signing_key.h"
#include "k8s-client/client/connect.h"
#include "sandbox/oci_registry.h"

namespace kintsugi::bench {

inline constexpr k8s::Resource kIncidents{"kintsugi.dev", "v1alpha1", "incidents", "Incident"};

/// What a call gave, or the end of the bench.
template <class T, class E>
T need(tl::expected<T, E> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// The bench waits for a busy cluster: what it measures is time, not failures.
k8s::CallOptions patiently();

/// What `call` gives, an ApiResult, made again where a busy server cut the connection. Of a write that took
/// effect all the same, the second try says that it is there, or that nothing is left to change.
template <class Call>
auto insistently(const Call& call) {
  constexpr int kMaxTries = 3;
  auto result = call();
  for (int tries = 1; !result && result.error().code == ErrorCode::kUnavailable && tries < kMaxTries; ++tries)
    result = call();
  return result;
}

/// A Ready pod outside of the quarantine, as it was seen last.
struct Victim {
  nlohmann::json pod;
  std::string name;
  std::string uid;
};

struct ClusterOptions {
  std::string kubeconfig;
  std::string image;             ///< of the victims; empty: chosen by what the nodes are
  std::size_t victims = 1000;    ///< as far as the cluster has room for twice as many
  std::size_t connections = 48;  ///< of each client
};

/// Methods throw where the cluster refuses: then there is nothing to measure. Not thread-safe but for
/// client().
class Cluster {
 public:
  /// Makes the namespaces. `clock` and `log` must outlive the cluster.
  Cluster(ClusterOptions options, const Clock& clock, Logger& log);
  /// Deletes what was made.
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  const std::string& kubeconfig() const { return options_.kubeconfig; }
  std::size_t connections() const { return options_.connections; }
  k8s::Client& client() { return connection_->client(); }
  const std::string& shop() const { return shop_; }      ///< the protected namespace of the victims
  const std::string& system() const { return system_; }  ///< the controller's
  const std::string& floor() const { return floor_; }    ///< of the incidents that no controller looks at
  /// Whether the image is one of ours with a signature, so that recovery can be verified: where kwok plays
  /// the nodes, nothing is pulled.
  bool image_is_signed() const { return image_is_signed_; }
  /// A TrustPolicy for that image, as YAML.
  std::string trust_policy() const;
  std::size_t victims() const { return victims_; }

  /// Makes the Deployments of the victims.
  void deploy_victims();
  /// Makes Deployment `name` behind a Service of its own.
  void deploy_service(const std::string& name, int replicas);
  /// Deletes the quarantined pods, and waits until the Deployment of this name (empty: those of the victims)
  /// has `count` Ready pods.
  std::vector<Victim> ready_pods(std::size_t count, const std::string& app = "");
  /// The controller's.
  std::vector<nlohmann::json> incidents();
  /// Deletes them; no controller may run.
  void forget_incidents();

 private:
  std::vector<nlohmann::json> list(const k8s::Resource& resource, const std::string& name_space,
                                   const k8s::ListParams& params = {});
  void make_namespace(const std::string& name, bool is_protected);
  void choose_image();
  void choose_size();
  void delete_quarantined();

  const ClusterOptions options_;
  const Clock& clock_;
  const std::unique_ptr<k8s::Connection> connection_;
  sandbox::OciRegistry registry_;
  const SigningKey key_;
  const std::string shop_, system_, floor_;
  std::vector<nlohmann::json> nodes_;
  std::string image_;
  bool image_is_signed_ = false;
  std::size_t victims_ = 0;
  std::vector<std::string> namespaces_;
};

}  // namespace kintsugi::bench
