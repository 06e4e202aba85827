// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "base/log.h"
#include "k8s-client/client/client.h"
#include "targets/isolation/isolation_proof.h"

namespace kintsugi::controller {

/// Finds out which policy objects beside NetworkPolicies exist in the cluster: Cilium's, Calico's,
/// AdminNetworkPolicy's. They are not evaluated, and where there are some, isolation is not claimed. A kind
/// that may not be listed counts as there: what cannot be seen can allow anything.
isolation::NetworkFacts probe_network(k8s::Client& client, std::stop_token stop, Logger& log);

}  // namespace kintsugi::controller
