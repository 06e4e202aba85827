// SPDX-License-Identifier: Apache-2.0
//
// networking.k8s.io/v1 NetworkPolicy as a slim immutable value, with the API's defaults applied, and its
// rules in words. What is read here is what an informer keeps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/document.h"
#include "base/label_selector.h"
#include "base/result.h"
#include "targets/isolation/ip_network.h"

namespace kintsugi::isolation {

enum class Direction : std::uint8_t { kIngress, kEgress };

/// "ingress", "egress": also the name of the field that holds the rules.
std::string_view to_string(Direction direction);

struct IpBlock {
  IpNetwork cidr;
  std::vector<IpNetwork> except;  ///< each within cidr
  bool operator==(const IpBlock&) const = default;
};

/// Either an IP block or a choice of pods. An absent pod selector chooses every pod of the chosen namespaces,
/// an absent namespace selector the policy's own namespace.
struct PolicyPeer {
  std::optional<LabelSelector> pod_selector;
  std::optional<LabelSelector> namespace_selector;
  std::optional<IpBlock> ip_block;
  bool operator==(const PolicyPeer&) const = default;
};

struct PolicyPort {
  enum class Protocol : std::uint8_t { kTcp, kUdp, kSctp };

  Protocol protocol = Protocol::kTcp;
  std::string name;  ///< of a container port; empty: the numbers below
  std::uint16_t first = 1;
  std::uint16_t last = 65535;
  bool operator==(const PolicyPort&) const = default;
};

/// One allowance: any of the peers on any of the ports.
struct PolicyRule {
  std::vector<PolicyPeer> peers;  ///< `from` or `to`; empty: everyone
  std::vector<PolicyPort> ports;  ///< empty: every port of every protocol
  bool operator==(const PolicyRule&) const = default;
};

struct NetworkPolicy {
  std::string name_space;
  std::string name;
  std::string uid;               ///< empty where the object was not yet created
  std::string resource_version;  ///< likewise
  LabelSelector pod_selector;
  /// The policy types. A pod that a policy of a type selects may do in that direction only what some rule
  /// allows.
  bool denies_ingress = true;
  bool denies_egress = false;
  std::vector<PolicyRule> ingress;  ///< without effect unless denies_ingress
  std::vector<PolicyRule> egress;   ///< without effect unless denies_egress

  bool denies(Direction direction) const;
  const std::vector<PolicyRule>& rules(Direction direction) const;
  /// "shop/allow-dns", escaped.
  std::string to_string() const;
  bool operator==(const NetworkPolicy&) const = default;
};

/// Reads one object as the API server serves it or a manifest holds it. Unknown fields are ignored; a known
/// field of a wrong type, or a combination that the API server refuses, is kInvalidInput, on
/// "networkpolicy <namespace>/<name>", with the field's path. Defaults are the API's: no policyTypes means
/// Ingress, and Egress where there are egress rules; no podSelector means every pod; no protocol means TCP.
Result<NetworkPolicy> read_network_policy(const Node& object);
/// From the object's JSON text, at most 2 MiB.
Result<NetworkPolicy> parse_network_policy(std::string_view json);

/// False only where no packet can match: each peer is an IP block that its exceptions cover. A selector that
/// selects nothing today may select something tomorrow and counts as allowing; so does a named port.
bool allows_anything(const PolicyRule& rule);

/// "any source", "every pod of namespace shop; 10.0.0.0/8 except 10.1.0.0/16": escaped, a long list is cut
/// with its count.
std::string peers_in_words(const PolicyRule& rule, Direction direction, std::string_view name_space);
/// "every port", "53/UDP, 8000-8080/TCP, http/TCP, every port/SCTP": likewise.
std::string ports_in_words(const PolicyRule& rule);

}  // namespace kintsugi::isolation
