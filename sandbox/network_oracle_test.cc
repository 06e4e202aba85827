// SPDX-License-Identifier: Apache-2.0
#include "sandbox/network_oracle.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace kintsugi;
using namespace kintsugi::sandbox;
using nlohmann::json;

namespace {

/// shop/a (app: a, port http 8080) at 10.244.0.1, shop/b (app: b) at 10.244.0.2, other/c (app: c)
/// at 10.244.1.3.
struct World {
  World() {
    for (const char* name : {"shop", "other"})
      REQUIRE(store.create(k8s::kNamespaces, "",
                           json{{"metadata", {{"name", name}, {"labels", {{"team", name}}}}}}));
    add_pod("shop", "a", "10.244.0.1", json::object());
    add_pod("shop", "b", "10.244.0.2", json::object());
    add_pod("other", "c", "10.244.1.3", json::object());
  }
  void add_pod(const std::string& name_space, const std::string& name, const std::string& ip, json spec) {
    spec["containers"] =
        json::parse(R"([{"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}])");
    REQUIRE(store.create(k8s::kPods, name_space,
                         json{{"metadata", {{"name", name}, {"labels", {{"app", name}}}}}, {"spec", spec}}));
    REQUIRE(store.edit(k8s::kPods, {name_space, name}, [&](json& pod) { pod["status"]["podIP"] = ip; },
                       {.status = true}));
  }
  void add_policy(const std::string& spec) {
    REQUIRE(store.create(k8s::kNetworkPolicies, "shop",
                         json{{"metadata", {{"generateName", "p-"}}}, {"spec", json::parse(spec)}}));
  }

  ManualClock clock;
  ObjectStore store{clock, 1};
};

}  // namespace

TEST_CASE("NetworkPolicies decide who reaches whom") {
  struct Case {
    std::string name;
    std::vector<std::string> policies;  ///< in namespace shop
    std::string from;
    std::string to;
    std::uint16_t port;
    bool expected;
  };
  const std::string deny_all = R"({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})";
  const std::string deny_a =
      R"({"podSelector": {"matchLabels": {"app": "a"}}, "policyTypes": ["Ingress", "Egress"]})";
  const auto c = GENERATE_COPY(values<Case>({
      {"no policy", {}, "shop/b", "shop/a", 80, true},
      {"to the outside", {}, "shop/a", "203.0.113.9", 443, true},
      {"a pod that is not there", {}, "shop/a", "shop/zz", 80, false},
      {"denied in", {deny_a}, "shop/b", "shop/a", 80, false},
      {"denied out", {deny_a}, "shop/a", "shop/b", 80, false},
      {"denied to the outside", {deny_a}, "shop/a", "203.0.113.9", 443, false},
      {"others are unaffected", {deny_a}, "shop/b", "other/c", 80, true},
      {"an allow next to a deny wins",
       {deny_a, R"({"podSelector": {}, "ingress": [{}]})"},
       "shop/b",
       "shop/a",
       80,
       true},
      {"the default type is Ingress", {R"({"podSelector": {}})"}, "shop/a", "203.0.113.9", 443, true},
      {"egress rules make it Egress too",
       {R"({"podSelector": {}, "egress": [{"ports": [{"port": 53, "protocol": "UDP"}]}]})"},
       "shop/a",
       "203.0.113.9",
       53,
       false},
      {"podSelector is of the policy's namespace",
       {R"({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]})"},
       "other/c",
       "shop/a",
       80,
       false},
      {"podSelector, same namespace",
       {R"({"podSelector": {}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "b"}}}]}]})"},
       "shop/b",
       "shop/a",
       80,
       true},
      {"namespaceSelector",
       {R"({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "other"}}}]}]})"},
       "other/c",
       "shop/a",
       80,
       true},
      {"namespaceSelector and podSelector are both needed",
       {R"({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "x"}}}]}]})"},
       "other/c",
       "shop/a",
       80,
       false},
      {"selectors do not match the outside",
       {R"({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}}]}]})"},
       "203.0.113.9",
       "shop/a",
       80,
       false},
      {"ipBlock",
       {R"({"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}]})"},
       "203.0.113.9",
       "shop/a",
       80,
       true},
      {"ipBlock's exception",
       {R"({"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["203.0.113.0/24"]}}]}]})"},
       "203.0.113.9",
       "shop/a",
       80,
       false},
      {"ipBlock and a pod's address",
       {R"({"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.244.1.3/32"}}]}]})"},
       "other/c",
       "shop/a",
       80,
       true},
      {"a bad block matches nothing",
       {R"({"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "banana/8"}}]}]})"},
       "other/c",
       "shop/a",
       80,
       false},
      {"port",
       {R"({"podSelector": {}, "ingress": [{"ports": [{"port": 8080}]}]})"},
       "shop/b",
       "shop/a",
       8080,
       true},
      {"another port",
       {R"({"podSelector": {}, "ingress": [{"ports": [{"port": 8080}]}]})"},
       "shop/b",
       "shop/a",
       80,
       false},
      {"a range's end",
       {R"({"podSelector": {}, "ingress": [{"ports": [{"port": 80, "endPort": 90}]}]})"},
       "shop/b",
       "shop/a",
       90,
       true},
      {"past a range",
       {R"({"podSelector": {}, "ingress": [{"ports": [{"port": 80, "endPort": 90}]}]})"},
       "shop/b",
       "shop/a",
       91,
       false},
      {"a named port",
       {R"({"podSelector": {}, "ingress": [{"ports": [{"port": "http"}]}]})"},
       "shop/b",
       "shop/a",
       8080,
       true},
      {"a named port is the destination's",
       {R"({"podSelector": {}, "egress": [{"ports": [{"port": "http"}]}], "ingress": [{}]})"},
       "shop/a",
       "203.0.113.9",
       8080,
       false},
      {"another protocol",
       {R"({"podSelector": {}, "ingress": [{"ports": [{"protocol": "UDP"}]}]})"},
       "shop/b",
       "shop/a",
       53,
       false},
      {"both ends must allow",
       {deny_all, R"({"podSelector": {"matchLabels": {"app": "a"}}, "ingress": [{}]})"},
       "shop/b",
       "shop/a",
       80,
       false},
      {"labels that are absent are selected by NotIn",
       {R"({"podSelector": {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["x"]}]}})"},
       "shop/b",
       "shop/a",
       80,
       false},
  }));
  INFO(c.name);
  World world;
  for (const std::string& policy : c.policies) world.add_policy(policy);
  const Reach reach = can_reach(world.store, c.from, c.to, c.port);
  INFO(reach.reason);
  CHECK(reach.allowed == c.expected);
}

TEST_CASE("host network pods are beyond policies and a verdict names the policy") {
  World world;
  world.add_pod("shop", "h", "192.0.2.1", json{{"hostNetwork", true}});
  world.add_policy(R"({"podSelector": {}, "policyTypes": ["Egress", "Ingress"]})");
  CHECK(can_reach(world.store, "shop/h", "203.0.113.9", 443).allowed);
  const Reach denied = can_reach(world.store, "shop/a", "203.0.113.9", 443);
  CHECK(denied.reason.starts_with("egress of shop/a is denied by policy shop/p-"));
}
