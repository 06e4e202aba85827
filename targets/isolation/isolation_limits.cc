// SPDX-License-Identifier: Apache-2.0
#include "targets/isolation/isolation_limits.h"

#include <algorithm>
#include <string>

#include "base/escape.h"

namespace kintsugi::isolation {
namespace {

constexpr std::size_t kMaxListed = 5;
constexpr std::size_t kMaxNameBytes = 256;

/// "a, b and 3 more"; the names are escaped already.
std::string listed(std::span<const std::string> names) {
  std::string text;
  const std::size_t shown = std::min(names.size(), kMaxListed);
  for (std::size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > shown) text += " and " + std::to_string(names.size() - shown) + " more";
  return text;
}

void add_named(LimitCode code, std::span<const std::string> names, const std::string& before,
               std::vector<Limit>& limits) {
  if (names.empty()) return;
  std::vector<std::string> escaped;
  for (const std::string& name : names) escaped.push_back(escape(name, kMaxNameBytes));
  limits.push_back({code, before + listed(escaped)});
}

}  // namespace

std::string_view to_string(LimitCode code) {
  switch (code) {
    case LimitCode::kHostNetwork: return "HostNetwork";
    case LimitCode::kHostPid: return "HostPID";
    case LimitCode::kPrivileged: return "Privileged";
    case LimitCode::kHostPath: return "HostPath";
    case LimitCode::kSecondaryNetworks: return "SecondaryNetworks";
    case LimitCode::kDirectionNotDenied: return "DirectionNotDenied";
    case LimitCode::kPolicyUnreadable: return "PolicyUnreadable";
    case LimitCode::kForeignPolicies: return "ForeignPolicies";
    case LimitCode::kPolicyNotEnforced: return "PolicyNotEnforced";
    case LimitCode::kEstablishedConnectionsMaySurvive: return "EstablishedConnectionsMaySurvive";
    case LimitCode::kNodeReachable: return "NodeReachable";
    case LimitCode::kSharedVolume: return "SharedVolume";
    case LimitCode::kServiceAccountToken: return "ServiceAccountToken";
  }
  return "Unknown";
}

bool forbids_isolation(LimitCode code) {
  return code < LimitCode::kEstablishedConnectionsMaySurvive;
}

void add_limits_of_policies(bool ingress_denied, bool egress_denied, std::span<const Error> unreadable,
                            std::vector<Limit>& limits) {
  const auto add_open = [&](bool denied, std::string_view direction) {
    if (denied) return;
    limits.push_back({LimitCode::kDirectionNotDenied,
                      "no NetworkPolicy that selects the pod denies " + std::string(direction)});
  };
  add_open(ingress_denied, "ingress");
  add_open(egress_denied, "egress");
  if (unreadable.empty()) return;
  std::vector<std::string> errors;
  for (const Error& error : unreadable) errors.push_back(error.to_string());
  limits.push_back(
      {LimitCode::kPolicyUnreadable, "not evaluated, since it could not be read: " + listed(errors)});
}

void add_limits_of_pod(const PodFacts& facts, std::vector<Limit>& limits) {
  if (facts.host_network) {
    limits.push_back(
        {LimitCode::kHostNetwork, "the pod uses its node's network, to which NetworkPolicies do not apply"});
  }
  if (facts.host_pid) {
    limits.push_back(
        {LimitCode::kHostPid, "the pod sees the processes of its node and can act through them"});
  }
  add_named(LimitCode::kPrivileged, facts.privileged_containers,
            "privileged and thereby root on the node: ", limits);
  add_named(LimitCode::kHostPath, facts.host_paths, "paths of the node are mounted: ", limits);
  add_named(LimitCode::kSecondaryNetworks, facts.secondary_networks,
            "NetworkPolicies do not cover the pod's additional networks: ", limits);
  add_named(LimitCode::kSharedVolume, facts.shared_volumes,
            "the pod goes on writing to volumes that others may read: ", limits);
  if (facts.service_account_token) {
    limits.push_back({LimitCode::kServiceAccountToken,
                      "a service account token is mounted; a copy that was taken works from anywhere"});
  }
}

void add_limits_of_network(const NetworkFacts& network, std::vector<Limit>& limits) {
  add_named(
      LimitCode::kForeignPolicies, network.foreign_policy_kinds,
      "the evaluation is incomplete: objects of other policy kinds exist and may allow traffic: ", limits);
  if (network.enforcement == NetworkFacts::Enforcement::kNotEnforced) {
    limits.push_back(
        {LimitCode::kPolicyNotEnforced, "the cluster's network does not enforce NetworkPolicies"});
  }
  if (!network.cuts_established_connections) {
    limits.push_back(
        {LimitCode::kEstablishedConnectionsMaySurvive, "connections that were open before may go on"});
  }
  limits.push_back(
      {LimitCode::kNodeReachable,
       "the pod and its own node (kubelet, node-local DNS, a metadata endpoint on the node) still "
       "reach each other"});
}

}  // namespace kintsugi::isolation
