// SPDX-License-Identifier: Apache-2.0
//
// Where scenarios happen: the pocket cluster in this process, or a real control plane whose nodes kwok plays.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"
#include "k8s-client/client/client.h"
#include "sandbox/oci_registry.h"

namespace kintsugi::scenarios {

/// What only some world can express.
enum class Ability : std::uint8_t {
  kRuntime,         ///< images are pulled, and reported as index, platform manifest or config
  kContainers,      ///< exec and logs
  kReach,           ///< asking whether packets would pass
  kAllControllers,  ///< owners beyond Deployment, and quotas
  kSchemas,         ///< admission by schema and CEL
  kRights,          ///< accounts that may not do everything
};

/// A cluster, and a registry of our own that its pods' images are from. Thread-safe but for its end.
class World {
 public:
  virtual ~World() = default;
  /// "sandbox" or "control-plane".
  virtual std::string_view name() const = 0;
  virtual bool can_express(Ability ability) const = 0;
  /// The administrator's, as is `kubeconfig`, the path of a file.
  virtual k8s::Client& client() = 0;
  virtual const std::string& kubeconfig() const = 0;
  /// The path of a kubeconfig whose account is for the controller of the namespace `<run>-system`: with the
  /// rights that the chart gives it where the world knows rights, else the administrator's.
  virtual std::string make_controller_kubeconfig(const std::string& run) = 0;
  /// Gives that account its rights in a protected namespace.
  virtual void protect(const std::string& name_space) = 0;
  virtual sandbox::OciRegistry& registry() = 0;
  /// "127.0.0.1:41235", the first part of image references.
  virtual std::string registry_host() const = 0;
  /// From now on the pod fails: "crash-loop" or "never-ready"; "" mends it.
  virtual void set_failure(const nlohmann::json& pod, const std::string& failure) = 0;
  /// Whether a pod of `name_space` reaches another's port 8080 now. Needs kReach.
  virtual bool can_reach(const std::string& name_space, const std::string& from, const std::string& to) = 0;
};

/// The control plane that KINTSUGI_LAB_KUBECONFIG names, with the chart's rights from the file
/// KINTSUGI_CHART_RIGHTS, else a fresh pocket cluster. `directory` is for its files. All must outlive the
/// result; a world that cannot start ends the test.
std::unique_ptr<World> make_world(const std::string& directory, const Clock& clock, Logger& log);

}  // namespace kintsugi::scenarios
