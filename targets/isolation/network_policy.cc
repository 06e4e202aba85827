// SPDX-License-Identifier: Apache-2.0
#include "targets/isolation/network_policy.h"

#include <algorithm>

#include "base/escape.h"

namespace kintsugi::isolation {
namespace {

constexpr std::size_t kMaxListed = 4;
constexpr std::size_t kMaxSelectorBytes = 160;

std::string selector_in_words(const LabelSelector& selector) {
  return escape(selector.to_string(), kMaxSelectorBytes);
}

bool is_void(const PolicyPeer& peer) {
  return peer.ip_block && is_covered(peer.ip_block->cidr, peer.ip_block->except);
}

std::string_view to_string(PolicyPort::Protocol protocol) {
  switch (protocol) {
    case PolicyPort::Protocol::kTcp: return "TCP";
    case PolicyPort::Protocol::kUdp: return "UDP";
    case PolicyPort::Protocol::kSctp: return "SCTP";
  }
  return "TCP";
}

/// Joins what `describe` says of the first few items; the rest is a number.
template <class Items, class Describe>
std::string list_in_words(const Items& items, std::string_view separator, Describe describe) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i != 0) text += separator;
    if (i == kMaxListed && items.size() > kMaxListed + 1) {
      return text + "and " + std::to_string(items.size() - kMaxListed) + " more";
    }
    text += describe(items[i]);
  }
  return text;
}

std::string block_in_words(const IpBlock& block) {
  if (block.except.empty()) return block.cidr.to_string();
  return block.cidr.to_string() + " except " +
         list_in_words(block.except, ", ", [](const IpNetwork& network) { return network.to_string(); });
}

std::string peer_in_words(const PolicyPeer& peer, std::string_view name_space) {
  if (peer.ip_block) return block_in_words(*peer.ip_block);
  const bool every_pod = !peer.pod_selector || peer.pod_selector->empty();
  std::string text = every_pod ? "every pod" : "pods with " + selector_in_words(*peer.pod_selector);
  if (!peer.namespace_selector) return text + " of namespace " + escape(name_space, 64);
  if (peer.namespace_selector->empty()) return text + " of every namespace";
  return text + " of namespaces with " + selector_in_words(*peer.namespace_selector);
}

std::string port_in_words(const PolicyPort& port) {
  const std::string protocol = "/" + std::string(to_string(port.protocol));
  if (!port.name.empty()) return escape(port.name, 64) + protocol;
  if (port.first == 1 && port.last == 65535) return "every port" + protocol;
  if (port.first == port.last) return std::to_string(port.first) + protocol;
  return std::to_string(port.first) + "-" + std::to_string(port.last) + protocol;
}

}  // namespace

std::string_view to_string(Direction direction) {
  return direction == Direction::kIngress ? "ingress" : "egress";
}

bool NetworkPolicy::denies(Direction direction) const {
  return direction == Direction::kIngress ? denies_ingress : denies_egress;
}

const std::vector<PolicyRule>& NetworkPolicy::rules(Direction direction) const {
  return direction == Direction::kIngress ? ingress : egress;
}

std::string NetworkPolicy::to_string() const {
  return escape(name_space, 64) + "/" + escape(name, 256);
}

bool allows_anything(const PolicyRule& rule) {
  return rule.peers.empty() || !std::all_of(rule.peers.begin(), rule.peers.end(), is_void);
}

std::string peers_in_words(const PolicyRule& rule, Direction direction, std::string_view name_space) {
  if (rule.peers.empty()) return direction == Direction::kIngress ? "any source" : "any destination";
  std::vector<const PolicyPeer*> open;
  for (const PolicyPeer& peer : rule.peers) {
    if (!is_void(peer)) open.push_back(&peer);
  }
  return list_in_words(open, "; ", [&](const PolicyPeer* peer) { return peer_in_words(*peer, name_space); });
}

std::string ports_in_words(const PolicyRule& rule) {
  if (rule.ports.empty()) return "every port";
  return list_in_words(rule.ports, ", ", port_in_words);
}

}  // namespace kintsugi::isolation
