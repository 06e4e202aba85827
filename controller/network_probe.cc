// SPDX-License-Identifier: Apache-2.0
#include "controller/network_probe.h"

#include "base/document.h"

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

constexpr std::chrono::minutes kLookAgain{5};
constexpr std::chrono::seconds kLookAgainSoon{5};

}  // namespace

NetworkProbe::NetworkProbe(k8s::Client& client, const Clock& clock, Logger& log)
    : client_(client), clock_(clock), log_(log) {}

isolation::NetworkFacts NetworkProbe::look(std::stop_token stop) {
  isolation::NetworkFacts facts;
  bool is_complete = true;
  for (const k8s::Resource& resource : kForeignPolicies) {
    const auto now = is_there(resource, stop);
    is_complete = is_complete && now.has_value();
    const std::string kind(resource.kind);
    if (now) seen_[kind] = *now;
    const auto seen = seen_.find(kind);
    if (seen == seen_.end() || seen->second) facts.foreign_policy_kinds.push_back(kind);
  }
  next_look_ = clock_.monotonic() + (is_complete ? std::chrono::seconds(kLookAgain) : kLookAgainSoon);
  return facts;
}

std::optional<bool> NetworkProbe::is_there(const k8s::Resource& resource, std::stop_token stop) {
  k8s::CallOptions call;
  call.priority = net::Priority::kBackground;
  call.stop = std::move(stop);
  k8s::ListParams one;  // a cluster may have thousands of them
  one.limit = 1;
  one.metadata_only = true;
  const auto page = client_.list_page(resource, "", one, call);
  if (page) {
    const auto list = parse_json_document(*page);
    const Node* items = list ? list->find("items") : nullptr;
    const bool is_list = items != nullptr && items->kind == Node::Kind::kArray;
    return is_list ? std::optional(!items->items.empty()) : std::nullopt;
  }
  // The API server does not know the kind: there can be no objects of it.
  if (page.error().http_status == 404) return false;
  log_.warning("Cannot see policies", {{"kind", resource.kind}, {"error", page.error().to_string()}});
  if (page.error().code == ErrorCode::kForbidden) return true;
  return std::nullopt;
}

}  // namespace kintsugi::controller
