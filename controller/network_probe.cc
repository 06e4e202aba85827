// SPDX-License-Identifier: Apache-2.0
#include "controller/network_probe.h"

#include <nlohmann/json.hpp>

namespace kintsugi::controller {
namespace {

constexpr k8s::Resource kForeignPolicies[] = {
    {"cilium.io", "v2", "ciliumnetworkpolicies", "CiliumNetworkPolicy"},
    {"cilium.io", "v2", "ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy", false},
    {"crd.projectcalico.org", "v1", "networkpolicies", "NetworkPolicy (Calico)"},
    {"crd.projectcalico.org", "v1", "globalnetworkpolicies", "GlobalNetworkPolicy", false},
    {"policy.networking.k8s.io", "v1alpha1", "adminnetworkpolicies", "AdminNetworkPolicy", false},
    {"policy.networking.k8s.io", "v1alpha1", "baselineadminnetworkpolicies", "BaselineAdminNetworkPolicy",
     false},
};

}  // namespace

isolation::NetworkFacts probe_network(k8s::Client& client, std::stop_token stop, Logger& log) {
  isolation::NetworkFacts facts;
  for (const k8s::Resource& resource : kForeignPolicies) {
    k8s::CallOptions call;
    call.priority = net::Priority::kBackground;
    call.stop = stop;
    const auto objects = client.list(resource, "", {}, call);
    if (objects && objects->empty()) continue;
    // The API server does not know the kind: there can be no objects of it.
    if (!objects && objects.error().http_status == 404) continue;
    if (!objects)
      log.warning("Cannot see policies", {{"kind", resource.kind}, {"error", objects.error().to_string()}});
    facts.foreign_policy_kinds.emplace_back(resource.kind);
  }
  return facts;
}

}  // namespace kintsugi::controller
