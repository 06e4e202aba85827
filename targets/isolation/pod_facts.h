// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/document.h"
#include "base/result.h"

namespace kintsugi::isolation {

/// What of a pod lies outside the reach of NetworkPolicies. All names are as the object has them, not
/// escaped.
struct PodFacts {
  bool host_network = false;
  bool host_pid = false;
  std::vector<std::string> privileged_containers;
  std::vector<std::string> host_paths;          ///< "/var/run"
  std::vector<std::string> shared_volumes;      ///< volumes whose bytes others may read while the pod writes
  std::vector<std::string> secondary_networks;  ///< attachments beside the cluster's own network
  bool service_account_token = false;           ///< a token is mounted (a template: would be)
  bool operator==(const PodFacts&) const = default;
};

/// Reads a pod or a pod template: anything with `metadata` and `spec`. Counted on the side of caution:
/// - an init container counts until the pod's status says that it has terminated;
/// - a host path counts even when read-only, since a socket under it (a container runtime's) still answers;
/// - a volume is shared unless its source is known to be the pod's own or is declared read-only;
/// - a template mounts a token unless it says `automountServiceAccountToken: false`; a pod that the API
/// server
///   has admitted mounts what its volumes say.
/// Errors are kInvalidInput and name the field.
Result<PodFacts> read_pod_facts(const Node& pod);

}  // namespace kintsugi::isolation
