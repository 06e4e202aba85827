// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <utility>

#include "base/escape.h"
#include "targets/isolation/api_field.h"
#include "targets/isolation/network_policy.h"

namespace kintsugi::isolation {
namespace {

constexpr std::size_t kMaxPolicyBytes = 2u << 20;

/// A peer without a selector differs from one with an empty selector.
std::optional<LabelSelector> read_optional_selector(const ApiField& field) {
  if (!field.present()) return std::nullopt;
  return field.label_selector();
}

IpNetwork read_network(const ApiField& field) {
  const std::string text = field.text();
  const auto network = parse_ip_network(text);
  if (!network) field.refuse("\"" + escape(text, 64) + "\" is no CIDR block");
  return network.value_or(IpNetwork{});
}

IpBlock read_ip_block(const ApiField& field) {
  IpBlock block{read_network(field.member("cidr")), {}};
  for (const ApiField& exception : field.member("except").items()) {
    const IpNetwork network = read_network(exception);
    if (!block.cidr.contains(network)) {
      exception.refuse(network.to_string() + " is not within " + block.cidr.to_string());
    }
    block.except.push_back(network);
  }
  return block;
}

PolicyPeer read_peer(const ApiField& field) {
  PolicyPeer peer{read_optional_selector(field.member("podSelector")),
                  read_optional_selector(field.member("namespaceSelector")), std::nullopt};
  const bool selects = peer.pod_selector || peer.namespace_selector;
  const ApiField block = field.member("ipBlock");
  if (block.present()) peer.ip_block = read_ip_block(block);
  if (block.present() && selects) field.refuse("ipBlock excludes podSelector and namespaceSelector");
  if (!block.present() && !selects) {
    field.refuse("a peer needs podSelector, namespaceSelector or ipBlock");
  }
  return peer;
}

PolicyPort::Protocol read_protocol(const ApiField& field) {
  const std::string word = field.text();
  if (word == "UDP") return PolicyPort::Protocol::kUdp;
  if (word == "SCTP") return PolicyPort::Protocol::kSctp;
  if (!word.empty() && word != "TCP") field.refuse("\"" + escape(word, 64) + "\" is not TCP, UDP or SCTP");
  return PolicyPort::Protocol::kTcp;
}

std::uint16_t read_port_number(const ApiField& field) {
  const std::int64_t number = field.integer();
  if (number < 1 || number > 65535) field.refuse(std::to_string(number) + " is not 1 to 65535");
  return std::uint16_t(number);
}

/// `port` is absent, a name or a number; only a number may have an `endPort`.
PolicyPort read_port(const ApiField& field) {
  PolicyPort out;
  out.protocol = read_protocol(field.member("protocol"));
  const ApiField port = field.member("port");
  const ApiField end = field.member("endPort");
  if (port.present() && !port.is_text()) {
    out.first = read_port_number(port);
    out.last = end.present() ? read_port_number(end) : out.first;
    if (out.last < out.first) end.refuse("is below port");
    return out;
  }
  if (end.present()) end.refuse("needs a port number to start from");
  out.name = port.text();
  if (port.present() && out.name.empty()) port.refuse("is an empty name");
  return out;
}

std::vector<PolicyRule> read_rules(const ApiField& field, std::string_view peers_key) {
  std::vector<PolicyRule> rules;
  for (const ApiField& item : field.items()) {
    PolicyRule& rule = rules.emplace_back();
    for (const ApiField& peer : item.member(peers_key).items()) rule.peers.push_back(read_peer(peer));
    for (const ApiField& port : item.member("ports").items()) rule.ports.push_back(read_port(port));
  }
  return rules;
}

/// After the rules are read: the default depends on them.
void read_policy_types(const ApiField& field, NetworkPolicy& policy) {
  const std::vector<ApiField> types = field.items();
  policy.denies_ingress = types.empty();
  policy.denies_egress = types.empty() && !policy.egress.empty();
  for (const ApiField& type : types) {
    const std::string word = type.text();
    if (word == "Ingress") {
      policy.denies_ingress = true;
    } else if (word == "Egress") {
      policy.denies_egress = true;
    } else {
      type.refuse("\"" + escape(word, 64) + "\" is not Ingress or Egress");
    }
  }
}

void read_metadata(const ApiField& metadata, NetworkPolicy& policy) {
  policy.name_space = metadata.member("namespace").text();
  policy.name = metadata.member("name").text();
  policy.uid = metadata.member("uid").text();
  policy.resource_version = metadata.member("resourceVersion").text();
  if (policy.name.empty()) metadata.member("name").refuse("is missing");
}

void read_spec(const ApiField& spec, NetworkPolicy& policy) {
  policy.pod_selector = spec.member("podSelector").label_selector();
  policy.ingress = read_rules(spec.member("ingress"), "from");
  policy.egress = read_rules(spec.member("egress"), "to");
  read_policy_types(spec.member("policyTypes"), policy);
}

}  // namespace

Result<NetworkPolicy> read_network_policy(const Node& object) {
  if (object.kind != Node::Kind::kObject) {
    return fail(make_error(ErrorCode::kInvalidInput, "not an object").on("networkpolicy"));
  }
  std::optional<Error> error;
  const ApiField root(object, error);
  NetworkPolicy policy;
  read_metadata(root.member("metadata"), policy);
  read_spec(root.member("spec"), policy);
  if (error) return fail(std::move(*error).on("networkpolicy " + policy.to_string()));
  return policy;
}

Result<NetworkPolicy> parse_network_policy(std::string_view json) {
  const auto document = parse_json_document(json, {.max_bytes = kMaxPolicyBytes});
  if (!document) return fail(Error(document.error()).on("networkpolicy"));
  return read_network_policy(*document);
}

}  // namespace kintsugi::isolation
