// SPDX-License-Identifier: Apache-2.0
//
// Compares the proof with a reference that knows no rule of inference: it lists every packet of a small world
// and asks of each whether the policies, as JSON, let it pass.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "targets/isolation/isolation_proof.h"
#include "targets/isolation/isolation_test_support.h"

using namespace kintsugi;
using namespace kintsugi::isolation;
using nlohmann::json;

namespace {

// The world: pods with any of these labels in two namespaces, and sixteen addresses outside.

const std::vector<std::string> kKeys{"app", "tier"};
const std::vector<std::string> kValues{"x", "y"};

/// All ways to wear the keys: absent, x or y each.
std::vector<json> all_label_sets(const std::vector<std::string>& keys) {
  std::vector<json> sets{json::object()};
  for (const std::string& key : keys) {
    for (std::size_t i = 0, count = sets.size(); i < count; ++i) {
      for (const std::string& value : kValues) {
        json wider = sets[i];
        wider[key] = value;
        sets.push_back(std::move(wider));
      }
    }
  }
  return sets;
}

/// The other end of a packet: a pod, or an address outside when `address` is set.
struct Remote {
  std::string name_space;
  json namespace_labels;
  json labels;
  std::optional<unsigned> address;  ///< 10.0.0.<address>
};

struct Packet {
  Remote remote;
  std::string protocol;
  int port;  ///< of the answering end; "web" names port 80 there
};

std::vector<Packet> all_packets() {
  std::vector<Remote> remotes;
  for (const json& labels : all_label_sets(kKeys)) {
    remotes.push_back({"shop", json::object({{"team", "x"}}), labels, std::nullopt});
    remotes.push_back({"other", json::object({{"team", "y"}}), labels, std::nullopt});
  }
  for (unsigned i = 0; i < 16; ++i) remotes.push_back({"", {}, {}, i});
  std::vector<Packet> packets;
  for (const Remote& remote : remotes) {
    for (const std::string protocol : {"TCP", "UDP"}) {
      for (const int port : {53, 80, 85}) packets.push_back({remote, protocol, port});
    }
  }
  return packets;
}

// The reference.

bool selected(const json& selector, const json& labels) {
  const json wanted = selector.value("matchLabels", json::object());
  for (const auto& [key, value] : wanted.items()) {
    if (!labels.contains(key) || labels[key] != value) return false;
  }
  for (const json& expression : selector.value("matchExpressions", json::array())) {
    const std::string key = expression["key"], op = expression["operator"];
    const json value = labels.contains(key) ? labels[key] : json();
    int listed = 0;
    for (const json& candidate : expression.value("values", json::array())) listed += candidate == value;
    const bool holds = op == "In"       ? listed > 0
                       : op == "NotIn"  ? listed == 0
                       : op == "Exists" ? !value.is_null()
                                        : value.is_null();
    if (!holds) return false;
  }
  return true;
}

/// Blocks of the world are "10.0.0.N/P" with P from 28 to 32.
bool in_block(const std::string& block, unsigned address) {
  const std::size_t slash = block.find('/');
  const unsigned first = unsigned(std::stoul(block.substr(7, slash - 7)));
  const unsigned size = 1u << (32 - std::stoul(block.substr(slash + 1)));
  return address / size == first / size;
}

bool peer_is(const json& peer, const Remote& remote) {
  if (peer.contains("ipBlock")) {
    if (!remote.address || !in_block(peer["ipBlock"]["cidr"], *remote.address)) return false;
    for (const json& hole : peer["ipBlock"].value("except", json::array())) {
      if (in_block(hole, *remote.address)) return false;
    }
    return true;
  }
  if (remote.address) return false;
  const bool near = peer.contains("namespaceSelector")
                        ? selected(peer["namespaceSelector"], remote.namespace_labels)
                        : remote.name_space == "shop";
  return near && selected(peer.value("podSelector", json::object()), remote.labels);
}

bool port_is(const json& port, const Packet& packet) {
  if (port.value("protocol", "TCP") != packet.protocol) return false;
  if (!port.contains("port")) return true;
  if (port["port"].is_string()) return port["port"] == "web" && packet.port == 80;
  return packet.port >= port["port"] && packet.port <= port.value("endPort", port["port"].get<int>());
}

bool rule_passes(const json& rule, const char* peers_key, const Packet& packet) {
  const json peers = rule.value(peers_key, json::array());
  const json ports = rule.value("ports", json::array());
  bool peer_fits = peers.empty(), port_fits = ports.empty();
  for (const json& peer : peers) peer_fits = peer_fits || peer_is(peer, packet.remote);
  for (const json& port : ports) port_fits = port_fits || port_is(port, packet);
  return peer_fits && port_fits;
}

bool has_type(const json& spec, bool inwards) {
  const json types = spec.value("policyTypes", json::array());
  if (types.empty()) return inwards || !spec.value("egress", json::array()).empty();
  return types[0] == (inwards ? "Ingress" : "Egress") || types.back() == (inwards ? "Ingress" : "Egress");
}

bool passes(const std::vector<json>& specs, const json& labels, bool inwards, const Packet& packet) {
  bool bound = false;
  for (const json& spec : specs) {
    if (!selected(spec["podSelector"], labels) || !has_type(spec, inwards)) continue;
    bound = true;
    for (const json& rule : spec.value(inwards ? "ingress" : "egress", json::array())) {
      if (rule_passes(rule, inwards ? "from" : "to", packet)) return true;
    }
  }
  return !bound;
}

// The generator. Selectors of peers are kept only where they select something in the world: the proof does
// not ask who exists.

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  json spec() {
    json spec{{"podSelector", selector({"app", "tier", std::string(kQuarantineLabel)})}};
    if (chance(60)) spec["ingress"] = rules("from");
    if (chance(60)) spec["egress"] = rules("to");
    const std::vector<json> types{json::array(), json::array({"Ingress"}), json::array({"Egress"}),
                                  json::array({"Ingress", "Egress"}), json::array({"Egress", "Ingress"})};
    if (chance(70)) spec["policyTypes"] = types[below(5)];
    return spec;
  }

  unsigned below(unsigned limit) { return unsigned(random_() % limit); }

 private:
  bool chance(unsigned percent) { return below(100) < percent; }

  json selector(const std::vector<std::string>& keys) {
    json selector = json::object();
    if (chance(30)) selector["matchLabels"][keys[below(unsigned(keys.size()))]] = kValues[below(2)];
    for (unsigned i = below(3); i > 0; --i) {
      const unsigned op = below(4);
      json expression{{"key", keys[below(unsigned(keys.size()))]},
                      {"operator", std::vector<json>{"In", "NotIn", "Exists", "DoesNotExist"}[op]}};
      if (op < 2)
        expression["values"] =
            std::vector<json>{json::array({"x"}), json::array({"y"}), json::array({"x", "y"})}[below(3)];
      selector["matchExpressions"].push_back(expression);
    }
    return selector;
  }

  /// A selector that something in the world matches.
  json satisfiable(const std::vector<std::string>& keys, const std::vector<json>& candidates) {
    for (;;) {
      json made = selector(keys);
      for (const json& labels : candidates) {
        if (selected(made, labels)) return made;
      }
    }
  }

  json peer() {
    if (chance(40)) return {{"ipBlock", block()}};
    json peer = json::object();
    if (chance(60)) peer["podSelector"] = satisfiable(kKeys, all_label_sets(kKeys));
    if (chance(50) || peer.empty()) {
      peer["namespaceSelector"] =
          satisfiable({"team"}, {json::object({{"team", "x"}}), json::object({{"team", "y"}})});
    }
    return peer;
  }

  /// Often covered by its own exceptions.
  json block() {
    const unsigned prefix = 28 + below(4), size = 1u << (32 - prefix), first = below(16 / size) * size;
    json block{{"cidr", address(first) + "/" + std::to_string(prefix)}};
    for (unsigned at = first, step = size / 2; chance(85) && at < first + size; at += step) {
      block["except"].push_back(address(at) + "/" + std::to_string(prefix + 1));
    }
    return block;
  }

  static std::string address(unsigned last) { return "10.0.0." + std::to_string(last); }

  json port() {
    json port = json::object();
    if (chance(50)) port["protocol"] = chance(50) ? "TCP" : "UDP";
    if (chance(30)) {
      port["port"] = "web";
    } else if (chance(80)) {
      port["port"] = chance(50) ? 53 : 80;
      if (chance(30)) port["endPort"] = 85;
    }
    return port;
  }

  json rules(const char* peers_key) {
    json rules = json::array();
    for (unsigned i = below(3); i > 0; --i) {
      json rule = json::object();
      for (unsigned n = below(3); n > 0; --n) rule[peers_key].push_back(peer());
      for (unsigned n = below(3); n > 0; --n) rule["ports"].push_back(port());
      rules.push_back(rule);
    }
    return rules;
  }

  std::mt19937 random_;
};

}  // namespace

TEST_CASE("a direction is denied exactly when no packet of a small world can pass") {
  const std::vector<Packet> packets = all_packets();
  const std::vector<json> victims = all_label_sets({"app", "tier", std::string(kQuarantineLabel)});
  int denied = 0, open = 0;
  for (std::uint32_t seed = 0; seed < 1500; ++seed) {
    Generator generator(seed);
    std::vector<json> specs;
    std::vector<NetworkPolicy> policies;
    for (unsigned i = generator.below(4) + 1; i > 0; --i) {
      specs.push_back(generator.spec());
      policies.push_back(make_policy("shop", "p" + std::to_string(i), specs.back().dump()));
    }
    const json& labels = victims[generator.below(unsigned(victims.size()))];
    const IsolationProof proof = prove({"shop", labels.get<Labels>(), {}}, policies);
    for (const bool inwards : {true, false}) {
      bool any = false;
      for (const Packet& packet : packets) any = any || passes(specs, labels, inwards, packet);
      INFO("seed " << seed << ", labels " << labels << ", policies " << json(specs));
      REQUIRE((inwards ? proof.ingress_denied : proof.egress_denied) == !any);
      ++(any ? open : denied);
    }
  }
  // Both answers must have been common, or the comparison would say little.
  CHECK(denied > 300);
  CHECK(open > 300);
}

TEST_CASE("committing every exclusion closes every leak and changes nothing for other pods") {
  const std::vector<json> neighbours = all_label_sets(kKeys);
  int patched_policies = 0;
  for (std::uint32_t seed = 0; seed < 500; ++seed) {
    Generator generator(seed);
    std::vector<NetworkPolicy> before, after;
    for (unsigned i = 0; i < 3; ++i) {
      const json object{{"metadata", {{"namespace", "shop"}, {"name", "p"}}}, {"spec", generator.spec()}};
      before.push_back(*parse_network_policy(object.dump()));
      const Victim victim{"shop", labels_after_quarantine({}, {}), {}};
      const IsolationProof proof = prove(victim, {before.back()});
      json changed = object;
      // A policy that asks for the quarantine label has no patch.
      if (!proof.exclusions.empty() && !proof.exclusions[0].patch.empty()) {
        changed = object.patch(json::parse(proof.exclusions[0].patch));
        CHECK(prove(victim, {*parse_network_policy(changed.dump())}).leaks.empty());
        ++patched_policies;
      }
      after.push_back(*parse_network_policy(changed.dump()));
    }
    for (const json& labels : neighbours) {
      const Victim neighbour{"shop", labels.get<Labels>(), {}};
      INFO("seed " << seed << ", labels " << labels);
      CHECK(prove(neighbour, before).leaks.size() == prove(neighbour, after).leaks.size());
      CHECK(prove(neighbour, before).ingress_denied == prove(neighbour, after).ingress_denied);
      CHECK(prove(neighbour, before).egress_denied == prove(neighbour, after).egress_denied);
    }
  }
  CHECK(patched_policies > 100);
}
