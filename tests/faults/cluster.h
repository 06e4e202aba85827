// SPDX-License-Identifier: Apache-2.0
//
// The clusters that runs play in, and the world of scenario 1 in them: a protected namespace with Deployment
// `web` (3 replicas of a signed image) behind a Service, and Deployment `neighbour`.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/testing/scratch_directory.h"
#include "k8s-client/client/connect.h"
#include "sandbox/sandbox.h"
#include "tests/faults/proxy.h"

namespace kintsugi::faults {

/// How `web` and its like name their image.
enum class ImageName : std::uint8_t { kDigest, kTag };

/// A cluster with a signed image in a registry on loopback. Its methods throw where the cluster refuses: then
/// there is nothing to test. Not thread-safe.
class Cluster {
 public:
  /// A pocket cluster of its own.
  static std::unique_ptr<Cluster> start_sandbox();
  /// The real control plane of KINTSUGI_LAB_KUBECONFIG, with two namespaces of its own; null where none is
  /// named.
  static std::unique_ptr<Cluster> enter_lab();
  /// Whether KINTSUGI_LAB_KUBECONFIG names a control plane.
  static bool has_lab();
  /// enter_lab() where there is one, else start_sandbox().
  static std::unique_ptr<Cluster> enter();
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// Past any proxy.
  k8s::Client& client() { return connection_->client(); }
  Upstream upstream() const;
  const std::string& shop() const { return shop_; }      ///< the protected namespace
  const std::string& system() const { return system_; }  ///< the controller's namespace
  const std::string& digest() const { return digest_; }
  const std::string& public_key() const { return public_key_; }
  /// "127.0.0.1:41235/shop/".
  std::string image_prefix() const { return pocket_->registry_host() + "/shop/"; }

  /// Makes the world and waits until its pods are Ready.
  void seed(ImageName image);
  /// A pod without an owner; waits until it is Ready.
  void add_bare_pod(const std::string& name);
  /// The pods of the shop with this label `app`; empty: all of them.
  std::vector<nlohmann::json> pods(const std::string& app = "");

 private:
  Cluster();
  void connect(std::string kubeconfig);
  void create(const k8s::Resource& resource, const std::string& name_space, const nlohmann::json& object);
  void wait_ready(const std::string& app, std::size_t count);

  SystemClock clock_;
  Logger log_;
  std::unique_ptr<sandbox::Sandbox> pocket_;  ///< the cluster itself; for the lab only its registry is used
  ScratchDirectory scratch_;
  std::string kubeconfig_;
  std::unique_ptr<k8s::Connection> connection_;
  bool is_lab_ = false;
  std::string shop_ = "shop";
  std::string system_ = "kintsugi-system";
  std::string digest_;
  std::string public_key_;
};

/// Whether the pod's condition Ready is True.
bool is_ready(const nlohmann::json& pod);

}  // namespace kintsugi::faults
