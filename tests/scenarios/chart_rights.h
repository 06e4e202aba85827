// SPDX-License-Identifier: Apache-2.0
//
// The rights that the chart gives the controller, given to one scenario's controller.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "k8s-client/client/client.h"

namespace kintsugi::scenarios {

/// The chart's service account, roles and bindings, under names of the scenario's own. They stand until the
/// object's end; those in a namespace go with it. Whatever fails ends the test. Not thread-safe.
class ChartRights {
 public:
  /// `rendered` is what under-chart-rights.sh makes: a JSON List for a release named "srun", in the namespace
  /// "srun-system", with the protected namespace "srun-shop". "srun" becomes `run` here. The namespace
  /// `<run>-system` must exist; `client` is an administrator's and outlives this object.
  ChartRights(k8s::Client& client, const std::string& rendered, const std::string& run);
  ~ChartRights();
  ChartRights(const ChartRights&) = delete;
  ChartRights& operator=(const ChartRights&) = delete;

  /// A kubeconfig with a token of the service account.
  std::string make_kubeconfig();
  /// Gives the account the rights that it has in each of the chart's `protectedNamespaces`.
  void protect(const std::string& name_space);

 private:
  void apply(const nlohmann::json& object);
  nlohmann::json token();
  /// The authorizer learns of roles and bindings a moment after they were made.
  void wait_until_allowed(const std::string& verb, const k8s::Resource& resource,
                          const std::string& name_space);

  k8s::Client& client_;
  const std::string run_;
  const std::string own_namespace_;
  std::string account_;
  std::vector<nlohmann::json> protection_;  ///< what each protected namespace gets
  std::vector<std::pair<k8s::Resource, std::string>> cluster_wide_;
};

}  // namespace kintsugi::scenarios
