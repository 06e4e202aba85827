// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

namespace kintsugi::k8s {

/// One kind of object as the API serves it: what every request path is made from.
struct Resource {
  std::string_view group;  ///< empty for the core group
  std::string_view version;
  std::string_view plural;
  std::string_view kind;
  bool namespaced = true;

  /// "v1" or "apps/v1".
  std::string api_version() const;
  bool operator==(const Resource&) const = default;
};

/// Namespace and name; the namespace is empty for cluster-scoped objects.
struct ObjectKey {
  std::string name_space;
  std::string name;

  /// "shop/web-1", or "web-1" without a namespace.
  std::string to_string() const;
  auto operator<=>(const ObjectKey&) const = default;
};

inline constexpr Resource kPods{"", "v1", "pods", "Pod"};
inline constexpr Resource kNamespaces{"", "v1", "namespaces", "Namespace", false};
inline constexpr Resource kConfigMaps{"", "v1", "configmaps", "ConfigMap"};
inline constexpr Resource kSecrets{"", "v1", "secrets", "Secret"};
inline constexpr Resource kServices{"", "v1", "services", "Service"};
inline constexpr Resource kNodes{"", "v1", "nodes", "Node", false};
inline constexpr Resource kCoreEvents{"", "v1", "events", "Event"};
inline constexpr Resource kReplicaSets{"apps", "v1", "replicasets", "ReplicaSet"};
inline constexpr Resource kDeployments{"apps", "v1", "deployments", "Deployment"};
inline constexpr Resource kNetworkPolicies{"networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"};
inline constexpr Resource kEndpointSlices{"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"};
inline constexpr Resource kValidatingWebhookConfigurations{"admissionregistration.k8s.io", "v1",
                                                           "validatingwebhookconfigurations",
                                                           "ValidatingWebhookConfiguration", false};
inline constexpr Resource kLeases{"coordination.k8s.io", "v1", "leases", "Lease"};
inline constexpr Resource kEvents{"events.k8s.io", "v1", "events", "Event"};

}  // namespace kintsugi::k8s

template <>
struct std::hash<kintsugi::k8s::ObjectKey> {
  std::size_t operator()(const kintsugi::k8s::ObjectKey& key) const noexcept {
    return std::hash<std::string>()(key.name_space) * 31 + std::hash<std::string>()(key.name);
  }
};
