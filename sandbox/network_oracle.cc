// SPDX-License-Identifier: Apache-2.0
#include "sandbox/network_oracle.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

/// One end of a connection.
struct Endpoint {
  std::string name;
  std::string ip;
  Object pod;  ///< null: outside of the cluster
  Labels namespace_labels;

  bool is_policed() const { return pod != nullptr && field(*pod, {"spec", "hostNetwork"}) != true; }
};

/// Of TCP.
struct Port {
  std::uint16_t number;
  const Endpoint& destination;
};

std::optional<std::uint32_t> parse_address(const std::string& text) {
  in_addr address{};
  if (inet_pton(AF_INET, text.c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

std::optional<Endpoint> find_endpoint(const ObjectStore& store, const std::string& name) {
  if (parse_address(name)) return Endpoint{name, name, nullptr, {}};
  const std::size_t slash = name.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto pod = store.get(k8s::kPods, {name.substr(0, slash), name.substr(slash + 1)});
  const auto name_space = store.get(k8s::kNamespaces, {"", name.substr(0, slash)});
  if (!pod || !name_space || text(**pod, {"status", "podIP"}).empty()) return std::nullopt;
  return Endpoint{name, text(**pod, {"status", "podIP"}), *pod, labels_of(**name_space)};
}

bool in_block(const std::string& ip, const std::string& block) {
  const std::size_t slash = block.find('/');
  const auto network = parse_address(block.substr(0, slash));
  const auto address = parse_address(ip);
  unsigned bits = 32;
  if (slash != std::string::npos)
    std::from_chars(block.data() + slash + 1, block.data() + block.size(), bits);
  if (!network || !address || bits > 32) return false;
  return bits == 0 || (*network ^ *address) >> (32 - bits) == 0;
}

bool matches_peer(const json& peer, const std::string& policy_namespace, const Endpoint& other) {
  if (const json& block = field(peer, {"ipBlock"}); block.is_object()) {
    const json& except = field(block, {"except"});
    return in_block(other.ip, text(block, {"cidr"})) &&
           std::none_of(except.begin(), except.end(), [&](const json& hole) {
             return hole.is_string() && in_block(other.ip, hole.get<std::string>());
           });
  }
  if (!other.is_policed()) return false;  // without a pod's own address there are no labels to select
  const json& namespaces = field(peer, {"namespaceSelector"});
  const bool in_namespace = namespaces.is_null() ? namespace_of(*other.pod) == policy_namespace
                                                 : to_selector(namespaces).matches(other.namespace_labels);
  return in_namespace && to_selector(field(peer, {"podSelector"})).matches(labels_of(*other.pod));
}

bool is_tcp(const json& port) {
  const json& protocol = field(port, {"protocol"});
  return protocol.is_null() || protocol == "TCP";
}

bool names_port(const json& name, const Port& port) {
  if (port.destination.pod == nullptr) return false;
  for (const auto& container : field(*port.destination.pod, {"spec", "containers"}))
    for (const auto& entry : field(container, {"ports"}))
      if (field(entry, {"name"}) == name && integer(entry, {"containerPort"}, 0) == port.number &&
          is_tcp(entry))
        return true;
  return false;
}

bool matches_port(const json& entry, const Port& port) {
  if (!is_tcp(entry)) return false;
  const json& wanted = field(entry, {"port"});
  if (wanted.is_null()) return true;
  if (wanted.is_string()) return names_port(wanted, port);
  const std::int64_t first = integer(entry, {"port"}, -1);
  return first <= port.number && port.number <= integer(entry, {"endPort"}, first);
}

/// An absent or empty list matches everything.
template <class Matches>
bool any_or_empty(const json& list, Matches matches) {
  return list.empty() || std::any_of(list.begin(), list.end(), matches);
}

bool applies(const json& policy, bool ingress) {
  const json& types = field(policy, {"spec", "policyTypes"});
  if (types.empty()) return ingress || field(policy, {"spec", "egress"}).is_array();
  return std::find(types.begin(), types.end(), ingress ? "Ingress" : "Egress") != types.end();
}

bool allows(const json& policy, bool ingress, const Endpoint& other, const Port& port) {
  const json& rules = field(policy, {"spec", ingress ? "ingress" : "egress"});
  return std::any_of(rules.begin(), rules.end(), [&](const json& rule) {
    return any_or_empty(field(rule, {ingress ? "from" : "to"}),
                        [&](const json& peer) { return matches_peer(peer, namespace_of(policy), other); }) &&
           any_or_empty(field(rule, {"ports"}), [&](const json& entry) { return matches_port(entry, port); });
  });
}

/// What the policies of `subject` say about one direction of its traffic.
Reach judge(const ObjectStore& store, bool ingress, const Endpoint& subject, const Endpoint& other,
            const Port& port) {
  const std::string what = std::string(ingress ? "ingress" : "egress") + " of " + subject.name;
  if (!subject.is_policed()) return {true, what + " is beyond NetworkPolicies"};
  std::string denied_by;
  for (const Object& policy : store.all(k8s::kNetworkPolicies, namespace_of(*subject.pod))) {
    if (!applies(*policy, ingress)) continue;
    if (!to_selector(field(*policy, {"spec", "podSelector"})).matches(labels_of(*subject.pod))) continue;
    const std::string name = key_of(*policy).to_string();
    if (allows(*policy, ingress, other, port)) return {true, what + " is allowed by policy " + name};
    denied_by += (denied_by.empty() ? "" : ", ") + name;
  }
  if (denied_by.empty()) return {true, what + " is selected by no policy"};
  return {false, what + " is denied by policy " + denied_by};
}

}  // namespace

Reach can_reach(const ObjectStore& store, const std::string& from, const std::string& to,
                std::uint16_t port) {
  const auto source = find_endpoint(store, from);
  const auto destination = find_endpoint(store, to);
  if (!source) return {false, from + " has no address"};
  if (!destination) return {false, to + " has no address"};
  const Port wanted{port, *destination};
  Reach out = judge(store, false, *source, *destination, wanted);
  if (!out.allowed) return out;
  const Reach in = judge(store, true, *destination, *source, wanted);
  return in.allowed ? Reach{true, out.reason + "; " + in.reason} : in;
}

}  // namespace kintsugi::sandbox
