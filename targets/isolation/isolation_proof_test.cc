// SPDX-License-Identifier: Apache-2.0
#include "targets/isolation/isolation_proof.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "targets/isolation/isolation_test_support.h"

using namespace kintsugi;
using namespace kintsugi::isolation;
using Catch::Matchers::Contains;
using Enforcement = NetworkFacts::Enforcement;

namespace {

/// A pod in quarantine in namespace shop.
Victim victim(const std::string& forensics = "") {
  return {"shop", labels_after_quarantine({{"app", "web"}}, {forensics, {}}), {}};
}

/// Next to the standing policy.
IsolationProof prove_beside_standing(const Victim& victim, std::vector<NetworkPolicy> policies) {
  policies.push_back(standing_policy(victim.name_space));
  return prove(victim, policies);
}

std::vector<std::string> codes(const IsolationProof& proof) {
  std::vector<std::string> words;
  for (const Limit& limit : proof.limits) words.emplace_back(to_string(limit.code));
  return words;
}

/// What may pass in one direction, in words.
std::string traffic(const IsolationProof& proof, Direction direction) {
  const bool denied = direction == Direction::kIngress ? proof.ingress_denied : proof.egress_denied;
  if (denied) return "nothing";
  std::string text;
  for (const Allowance& leak : proof.leaks) {
    if (leak.direction == direction) text += (text.empty() ? "" : "; ") + leak.peers + " on " + leak.ports;
  }
  return text.empty() ? "everything" : text;
}

}  // namespace

TEST_CASE("the standing policy alone isolates a victim, and only pods in quarantine") {
  const IsolationProof proof = prove_beside_standing(victim(), {});
  CHECK(proof.isolated);
  CHECK(proof.ingress_denied);
  CHECK(proof.egress_denied);
  CHECK(proof.leaks.empty());
  CHECK(proof.reason() == "PolicyEvaluated");
  CHECK(codes(proof) == std::vector<std::string>{"EstablishedConnectionsMaySurvive", "NodeReachable"});

  const IsolationProof neighbour = prove_beside_standing({"shop", {{"app", "web"}}, {}}, {});
  CHECK_FALSE(neighbour.isolated);
  CHECK(neighbour.reason() == "DirectionNotDenied");
}

TEST_CASE("policies have the meaning that packets show") {
  const Labels web{{"app", "web"}};
  const Labels client{{"app", "client"}};
  const std::string deny =
      R"({"podSelector":{"matchLabels":{"app":"web"}},"policyTypes":["Ingress","Egress"]})";
  struct Case {
    std::string name;
    std::vector<std::string> specs;
    Labels labels;
    std::string ingress, egress;
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"a: no policy", {}, web, "everything", "everything"},
      {"b: deny-all of web", {deny}, web, "nothing", "nothing"},
      {"b: deny-all of web, another pod", {deny}, client, "everything", "everything"},
      {"c: deny-all and an allowance add up",
       {deny, R"({"podSelector":{},"ingress":[{"ports":[{"port":8080}]}]})"},
       web,
       "any source on 8080/TCP",
       "nothing"},
      {"d: egress to one namespace and port, ingress untouched",
       {R"({"podSelector":{"matchLabels":{"app":"client"}},"policyTypes":["Egress"],
            "egress":[{"to":[{"namespaceSelector":{"matchLabels":{"team":"b"}}}],"ports":[{"port":8081}]}]})"},
       client,
       "everything",
       "every pod of namespaces with team=b on 8081/TCP"},
      {"d: namespace and pod selector in one peer, egress untouched",
       {R"({"podSelector":{"matchLabels":{"app":"web"}},"ingress":[{"from":[
            {"namespaceSelector":{"matchLabels":{"team":"b"}},
             "podSelector":{"matchExpressions":[{"key":"app","operator":"NotIn","values":["client"]}]}}]}]})"},
       web,
       "pods with app notin (client) of namespaces with team=b on every port",
       "everything"},
      {"e: a block with exceptions, inwards",
       {R"({"podSelector":{"matchLabels":{"app":"web"}},
            "ingress":[{"from":[{"ipBlock":{"cidr":"10.244.0.0/16","except":["10.244.0.7/32"]}}]}]})"},
       web,
       "10.244.0.0/16 except 10.244.0.7/32 on every port",
       "everything"},
      {"e: a block with exceptions, outwards",
       {R"({"podSelector":{"matchLabels":{"app":"client"}},"policyTypes":["Egress"],
            "egress":[{"to":[{"ipBlock":{"cidr":"0.0.0.0/0","except":["10.244.0.7/32"]}}]}]})"},
       client,
       "everything",
       "0.0.0.0/0 except 10.244.0.7/32 on every port"},
      {"f: a named port, inwards",
       {R"({"podSelector":{"matchLabels":{"app":"web"}},"ingress":[{"ports":[{"port":"admin"}]}]})"},
       web,
       "any source on admin/TCP",
       "everything"},
      {"f: a named port, outwards",
       {R"({"podSelector":{"matchLabels":{"app":"client"}},"policyTypes":["Egress"],
            "egress":[{"to":[{"podSelector":{}}],"ports":[{"port":"admin"}]}]})"},
       client,
       "everything",
       "every pod of namespace shop on admin/TCP"},
      {"f: a range",
       {R"({"podSelector":{"matchLabels":{"app":"web"}},"ingress":[{"ports":[{"port":8081,"endPort":8090}]}]})"},
       web,
       "any source on 8081-8090/TCP",
       "everything"},
      {"f: another protocol",
       {R"({"podSelector":{"matchLabels":{"app":"web"}},"ingress":[{"ports":[{"protocol":"UDP","port":8080}]}]})"},
       web,
       "any source on 8080/UDP",
       "everything"},
      {"g: an allowance with both types",
       {R"({"podSelector":{"matchLabels":{"app":"web"}},"policyTypes":["Ingress","Egress"],
            "ingress":[{"ports":[{"port":9000}]}]})"},
       web,
       "any source on 9000/TCP",
       "nothing"},
      {"two policies, one for each direction",
       {R"({"podSelector":{},"policyTypes":["Ingress"]})", R"({"podSelector":{},"policyTypes":["Egress"]})"},
       web,
       "nothing",
       "nothing"},
      {"egress rules without effect: the type is not given",
       {R"({"podSelector":{},"policyTypes":["Ingress"],"egress":[{}]})"},
       web,
       "nothing",
       "everything"},
      {"ingress rules without effect: the type is not given",
       {R"({"podSelector":{},"policyTypes":["Egress"],"ingress":[{}]})"},
       web,
       "everything",
       "nothing"},
      {"an empty rule allows everything",
       {R"({"podSelector":{},"ingress":[{}],"egress":[{}]})"},
       web,
       "any source on every port",
       "any destination on every port"},
      {"a block that its exceptions cover allows nothing",
       {R"({"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8",
            "except":["10.0.0.0/9","10.128.0.0/9"]}}]}]})"},
       web,
       "nothing",
       "everything"},
      {"a namespace selector that no namespace may match still allows",
       {R"({"podSelector":{},"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"no":"such"}}}]}]})"},
       web,
       "every pod of namespaces with no=such on every port",
       "everything"},
  }));
  INFO(c.name);
  std::vector<NetworkPolicy> policies;
  for (const std::string& spec : c.specs) {
    policies.push_back(make_policy("shop", "p" + std::to_string(policies.size()), spec));
  }
  const IsolationProof proof = prove({"shop", c.labels, {}}, policies);
  CHECK(traffic(proof, Direction::kIngress) == c.ingress);
  CHECK(traffic(proof, Direction::kEgress) == c.egress);
  CHECK(proof.isolated == (c.ingress == "nothing" && c.egress == "nothing"));
}

TEST_CASE("a stripped pod is selected where a selector asks for absence, and the leak says why") {
  struct Case {
    std::string selector, because;  // because is empty where the policy does not select the victim
  };
  const auto c = GENERATE(values<Case>({
      {R"({})", "its podSelector is empty"},
      {R"(null)", "its podSelector is empty"},
      {R"({"matchLabels":{"app":"web"}})", ""},
      {R"({"matchLabels":{"kintsugi.dev/quarantine":"true"}})", "kintsugi.dev/quarantine=true is worn"},
      {R"({"matchLabels":{"kintsugi.dev/quarantine":"false"}})", ""},
      {R"({"matchExpressions":[{"key":"app","operator":"NotIn","values":["db","cache"]}]})",
       "app notin (db,cache) holds because the label is absent"},
      {R"({"matchExpressions":[{"key":"app","operator":"NotIn","values":["web"]}]})",
       "app notin (web) holds because the label is absent"},
      {R"({"matchExpressions":[{"key":"tier","operator":"DoesNotExist"}]})",
       "!tier holds because the label is absent"},
      {R"({"matchExpressions":[{"key":"app","operator":"Exists"}]})", ""},
      {R"({"matchExpressions":[{"key":"app","operator":"In","values":["web"]}]})", ""},
      {R"({"matchExpressions":[{"key":"kintsugi.dev/quarantine","operator":"DoesNotExist"}]})", ""},
      {R"({"matchExpressions":[{"key":"kintsugi.dev/quarantine","operator":"NotIn","values":["true"]}]})",
       ""},
      {R"({"matchExpressions":[{"key":"kintsugi.dev/quarantine","operator":"NotIn","values":["no"]}]})",
       "kintsugi.dev/quarantine notin (no) holds because the label is \"true\""},
      {R"({"matchExpressions":[{"key":"kintsugi.dev/quarantine","operator":"Exists"}]})",
       "kintsugi.dev/quarantine holds because the label is present"},
      {R"({"matchExpressions":[{"key":"app","operator":"NotIn","values":["db"]},
                               {"key":"tier","operator":"DoesNotExist"}]})",
       "app notin (db) holds because the label is absent, !tier holds because the label is absent"},
      {R"({"matchExpressions":[{"key":"app","operator":"NotIn","values":["db"]},
                               {"key":"kintsugi.dev/quarantine","operator":"DoesNotExist"}]})",
       ""},
      {R"({"matchLabels":{"app":"web"},
           "matchExpressions":[{"key":"tier","operator":"DoesNotExist"}]})",
       ""},
      {R"({"matchLabels":{"kintsugi.dev/quarantine":"true"},
           "matchExpressions":[{"key":"tier","operator":"DoesNotExist"}]})",
       "kintsugi.dev/quarantine=true is worn, !tier holds because the label is absent"},
  }));
  CAPTURE(c.selector);
  const IsolationProof proof = prove_beside_standing(
      victim(), {make_policy("shop", "odd", R"({"egress":[{}],"podSelector":)" + c.selector + "}")});
  if (c.because.empty()) {
    CHECK(proof.isolated);
    CHECK(proof.leaks.empty());
    return;
  }
  CHECK_FALSE(proof.isolated);
  CHECK(proof.ingress_denied);
  CHECK_FALSE(proof.egress_denied);
  CHECK(proof.leaks == std::vector<Allowance>{
                           {"shop/odd", Direction::kEgress, 0, "any destination", "every port", c.because}});
}

TEST_CASE("scenario 10: an allowance for every pod is named with policy, rule, direction and exclusion") {
  const NetworkPolicy dns = make_policy("shop", "allow-dns", R"({
    "podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [
      {"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]}]})");
  const NetworkPolicy same = make_policy("shop", "allow-same-namespace", R"({
    "podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]})");
  const IsolationProof proof = prove_beside_standing(victim(), {dns, same});
  CHECK_FALSE(proof.isolated);
  CHECK(proof.reason() == "NetworkPolicyAllows");
  REQUIRE(proof.leaks.size() == 2);
  CHECK(
      proof.leaks[0].to_string() ==
      "NetworkPolicy shop/allow-dns allows egress (spec.egress[0]) to any destination on 53/UDP, 53/TCP: its "
      "podSelector is empty");
  CHECK(proof.leaks[1].to_string() ==
        "NetworkPolicy shop/allow-same-namespace allows ingress (spec.ingress[0]) from every pod of "
        "namespace shop "
        "on every port: its podSelector is empty");
  CHECK_THAT(proof.message(), Contains(proof.leaks[0].to_string()) && Contains(proof.leaks[1].to_string()));
  REQUIRE(proof.exclusions.size() == 2);
  CHECK(proof.exclusions[0].policy == "shop/allow-dns");
  CHECK(proof.exclusions[0].advice ==
        "add to spec.podSelector.matchExpressions: {key: kintsugi.dev/quarantine, operator: DoesNotExist}");
}

TEST_CASE("scenario 11: an allowance for a label that is gone does not reach the victim") {
  CHECK(prove_beside_standing(victim(), {make_policy("shop", "web", R"({
    "podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{}], "egress": [{}]})")})
            .isolated);
}

TEST_CASE("a policy of another namespace says nothing about the victim") {
  const NetworkPolicy foreign =
      make_policy("other", "open", R"({"podSelector":{},"ingress":[{}],"egress":[{}]})");
  CHECK(prove_beside_standing(victim(), {foreign}).isolated);
  CHECK_FALSE(prove(victim(), {standing_policy("other")}).isolated);
}

TEST_CASE("each leaking rule is listed, each leaking policy is excluded once") {
  const IsolationProof proof = prove_beside_standing(
      victim(), {make_policy("shop", "many", R"({"podSelector":{},"ingress":[{},{"ports":[{"port":80}]}],
        "egress":[{"to":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.0.0.0/8"]}}]},{}]})")});
  REQUIRE(proof.leaks.size() == 3);
  CHECK(proof.leaks[1].rule == 1);
  CHECK(proof.leaks[2].direction == Direction::kEgress);
  CHECK(proof.leaks[2].rule == 1);
  CHECK(proof.exclusions.size() == 1);
}

TEST_CASE("a long list of leaks is cut in the message with its count") {
  std::vector<NetworkPolicy> policies;
  for (int i = 0; i < 10; ++i) {
    policies.push_back(make_policy("shop", "p" + std::to_string(i), R"({"egress":[{}]})"));
  }
  const IsolationProof proof = prove_beside_standing(victim(), policies);
  CHECK(proof.leaks.size() == 10);
  CHECK_THAT(proof.message(),
             Contains("shop/p2") && !Contains("shop/p3") && Contains("and 7 more such rules"));
}

TEST_CASE("an exclusion's patch tests what was evaluated and takes the victim out") {
  struct Case {
    std::string selector, patch;
  };
  const auto c = GENERATE(values<Case>({
      {R"({})", R"([{"op":"test","path":"/metadata/uid","value":"uid-p"},
                    {"op":"test","path":"/spec/podSelector","value":{}},
                    {"op":"add","path":"/spec/podSelector/matchExpressions",
                     "value":[{"key":"kintsugi.dev/quarantine","operator":"DoesNotExist"}]}])"},
      {R"({"matchExpressions":[{"key":"app","operator":"NotIn","values":["db"]},
                               {"key":"tier","operator":"DoesNotExist"}]})",
       R"([{"op":"test","path":"/metadata/uid","value":"uid-p"},
           {"op":"test","path":"/spec/podSelector","value":{"matchExpressions":[
             {"key":"app","operator":"NotIn","values":["db"]},{"key":"tier","operator":"DoesNotExist"}]}},
           {"op":"add","path":"/spec/podSelector/matchExpressions/-",
            "value":{"key":"kintsugi.dev/quarantine","operator":"DoesNotExist"}}])"},
  }));
  CAPTURE(c.selector);
  const std::string spec = R"({"egress":[{}],"podSelector":)" + c.selector + "}";
  const IsolationProof proof = prove_beside_standing(victim(), {make_policy("shop", "p", spec)});
  REQUIRE(proof.exclusions.size() == 1);
  const auto patch = nlohmann::json::parse(proof.exclusions[0].patch);
  CHECK(patch == nlohmann::json::parse(c.patch));

  const nlohmann::json object = {{"metadata", {{"namespace", "shop"}, {"name", "p"}, {"uid", "uid-p"}}},
                                 {"spec", nlohmann::json::parse(spec)}};
  const auto patched = parse_network_policy(object.patch(patch).dump());
  REQUIRE(patched);
  CHECK(prove_beside_standing(victim(), {*patched}).isolated);
}

TEST_CASE("a policy that asks for the quarantine label cannot be patched out, and says what to do") {
  const std::string selector = GENERATE(values<std::string>({
      R"({"matchLabels":{"kintsugi.dev/quarantine":"true"}})",
      R"({"matchExpressions":[{"key":"kintsugi.dev/quarantine","operator":"Exists"}]})",
      R"({"matchExpressions":[{"key":"kintsugi.dev/quarantine","operator":"In","values":["true"]}]})",
  }));
  const IsolationProof proof = prove_beside_standing(
      victim(), {make_policy("shop", "own", R"({"ingress":[{}],"podSelector":)" + selector + "}")});
  REQUIRE(proof.exclusions.size() == 1);
  CHECK(proof.exclusions[0].patch.empty());
  CHECK_THAT(proof.exclusions[0].advice, Contains("kintsugi.dev/forensics"));
}

TEST_CASE("a policy of the victim's own forensic profile is an exception, any other is a leak") {
  struct Case {
    std::string selector, worn;
    std::size_t exceptions, leaks;
  };
  const auto c = GENERATE(values<Case>({
      {R"({"matchLabels":{"kintsugi.dev/forensics":"tools"}})", "tools", 1, 0},
      {R"({"matchLabels":{"kintsugi.dev/forensics":"tools","kintsugi.dev/quarantine":"true"}})", "tools", 1,
       0},
      {R"({"matchExpressions":[{"key":"kintsugi.dev/forensics","operator":"In","values":["x","tools"]}]})",
       "tools", 1, 0},
      {R"({"matchLabels":{"kintsugi.dev/forensics":"other"}})", "tools", 0, 0},
      {R"({"matchLabels":{"kintsugi.dev/forensics":"tools"}})", "", 0, 0},
      {R"({"matchExpressions":[{"key":"kintsugi.dev/forensics","operator":"Exists"}]})", "tools", 0, 1},
      {R"({"matchExpressions":[{"key":"kintsugi.dev/forensics","operator":"NotIn","values":["x"]}]})",
       "tools", 0, 1},
      {R"({"matchExpressions":[{"key":"kintsugi.dev/forensics","operator":"DoesNotExist"}]})", "", 0, 1},
      {R"({})", "tools", 0, 1},
  }));
  CAPTURE(c.selector, c.worn);
  const IsolationProof proof = prove_beside_standing(
      victim(c.worn),
      {make_policy("shop", "tools",
                   R"({"ingress":[{"ports":[{"port":2222}]}],"podSelector":)" + c.selector + "}")});
  CHECK(proof.exceptions.size() == c.exceptions);
  CHECK(proof.leaks.size() == c.leaks);
  CHECK(proof.isolated == (c.leaks == 0));
  if (c.exceptions == 1) {
    CHECK_THAT(proof.message(), Contains("forensic exception: NetworkPolicy shop/tools allows ingress"));
  }
}

TEST_CASE(
    "scenario 13: what quarantine does not reach is a limit, and some forbid calling the victim isolated") {
  struct Case {
    void (*set)(PodFacts& facts);
    std::string code, words;
    bool isolated;
  };
  const auto c = GENERATE(values<Case>({
      {[](PodFacts& facts) { facts.host_network = true; }, "HostNetwork", "its node's network", false},
      {[](PodFacts& facts) { facts.host_pid = true; }, "HostPID", "processes of its node", false},
      {[](PodFacts& facts) { facts.privileged_containers = {"agent"}; }, "Privileged", "agent", false},
      {[](PodFacts& facts) { facts.host_paths = {"/var/run"}; }, "HostPath", "/var/run", false},
      {[](PodFacts& facts) { facts.secondary_networks = {"storage"}; }, "SecondaryNetworks", "storage",
       false},
      {[](PodFacts& facts) { facts.shared_volumes = {"data", "x\x1b"}; }, "SharedVolume", "data, x\\x1b",
       true},
      {[](PodFacts& facts) { facts.service_account_token = true; }, "ServiceAccountToken", "token", true},
  }));
  INFO(c.code);
  Victim pod = victim();
  c.set(pod.facts);
  const IsolationProof proof = prove_beside_standing(pod, {});
  CHECK(proof.ingress_denied);
  CHECK(proof.egress_denied);
  CHECK(proof.isolated == c.isolated);
  CHECK(proof.reason() == (c.isolated ? "PolicyEvaluated" : c.code));
  CHECK_THAT(codes(proof), Catch::VectorContains(c.code));
  CHECK_THAT(proof.message(), Contains(c.code) && Contains(c.words));
}

TEST_CASE("what is known of the network becomes limits") {
  struct Case {
    NetworkFacts network;
    std::vector<std::string> codes;
    bool isolated;
  };
  const auto c = GENERATE(values<Case>({
      {{}, {"EstablishedConnectionsMaySurvive", "NodeReachable"}, true},
      {{Enforcement::kEnforced, true, {}}, {"NodeReachable"}, true},
      {{Enforcement::kNotEnforced, true, {}}, {"PolicyNotEnforced", "NodeReachable"}, false},
      {{Enforcement::kEnforced, true, {"CiliumNetworkPolicy", "AdminNetworkPolicy"}},
       {"ForeignPolicies", "NodeReachable"},
       false},
  }));
  const IsolationProof proof = prove(victim(), {standing_policy("shop")}, c.network);
  CHECK(codes(proof) == c.codes);
  CHECK(proof.isolated == c.isolated);
  for (const std::string& kind : c.network.foreign_policy_kinds) CHECK_THAT(proof.message(), Contains(kind));
}

TEST_CASE("a policy that could not be read forbids calling the victim isolated, and is named") {
  const auto broken = parse_network_policy(
      R"({"metadata":{"namespace":"shop","name":"odd"},"spec":{"policyTypes":["\u001b"]}})");
  REQUIRE_FALSE(broken);
  const NetworkPolicy standing = standing_policy("shop");
  const std::vector<const NetworkPolicy*> policies{&standing};
  const std::vector<Error> unreadable{broken.error()};
  const IsolationProof proof = prove_isolation(victim(), {policies, unreadable}, {});
  CHECK_FALSE(proof.isolated);
  CHECK(proof.reason() == "PolicyUnreadable");
  CHECK_THAT(proof.message(), Contains("networkpolicy shop/odd: spec.policyTypes[0]: \"\\x1b\" is not"));
}

TEST_CASE("limits that forbid come before those that do not") {
  Victim pod = victim();
  pod.facts.host_network = true;
  pod.facts.shared_volumes = {"data"};
  pod.facts.service_account_token = true;
  const IsolationProof proof = prove(pod, {}, {Enforcement::kNotEnforced, false, {}});
  CHECK(codes(proof) == std::vector<std::string>{"HostNetwork", "DirectionNotDenied", "DirectionNotDenied",
                                                 "PolicyNotEnforced", "EstablishedConnectionsMaySurvive",
                                                 "NodeReachable", "SharedVolume", "ServiceAccountToken"});
}

TEST_CASE("by day a template is containable unless a policy would still let its pods talk") {
  const Victim web{"shop", {{"app", "web"}, {"pod-template-hash", "x"}}, {}};
  const auto contain = [&](const std::vector<std::string>& specs, const QuarantineOptions& options = {}) {
    std::vector<NetworkPolicy> policies;
    for (const std::string& spec : specs) policies.push_back(make_policy("shop", "p", spec));
    std::vector<const NetworkPolicy*> pointers;
    for (const NetworkPolicy& policy : policies) pointers.push_back(&policy);
    return prove_containability(web, options, {pointers, {}}, {});
  };
  CHECK(contain({}).isolated);
  CHECK(contain({R"({"podSelector":{"matchLabels":{"app":"web"}},"ingress":[{}],"egress":[{}]})"}).isolated);
  CHECK_FALSE(contain({R"({"podSelector":{},"egress":[{}]})"}).isolated);
  CHECK_FALSE(contain({R"({"podSelector":{"matchExpressions":[
    {"key":"app","operator":"NotIn","values":["web"]}]},"egress":[{}]})"})
                  .isolated);

  const std::string keeps_app = R"({"podSelector":{"matchLabels":{"app":"web"}},"egress":[{}]})";
  CHECK_FALSE(contain({keeps_app}, {"", {"app"}}).isolated);

  const std::string forensic =
      R"({"podSelector":{"matchLabels":{"kintsugi.dev/forensics":"tools"}},"ingress":[{}]})";
  CHECK(contain({forensic}, {"tools", {}}).exceptions.size() == 1);
  CHECK(contain({forensic}).exceptions.empty());

  Victim host = web;
  host.facts.host_network = true;
  CHECK(prove_containability(host, {}, {}, {}).reason() == "HostNetwork");
}

TEST_CASE("one namespace's thousand policies are evaluated", "[.benchmark]") {
  std::vector<NetworkPolicy> policies{standing_policy("shop")};
  for (int i = 1; i < 1000; ++i) {
    const std::string n = std::to_string(i);
    policies.push_back(make_policy("shop", "p" + n,
                                   R"({"podSelector":{"matchLabels":{"app":"a)" + n +
                                       R"(","tier":"t"},"matchExpressions":[
        {"key":"track","operator":"In","values":["stable","canary"]}]},"ingress":[{"from":[{"podSelector":{}}]}]})"));
  }
  std::vector<const NetworkPolicy*> pointers;
  for (const NetworkPolicy& policy : policies) pointers.push_back(&policy);
  const Victim pod = victim();
  constexpr int kRounds = 1000;
  const auto start = std::chrono::steady_clock::now();
  int isolated = 0;
  for (int i = 0; i < kRounds; ++i) isolated += prove_isolation(pod, {pointers, {}}, {}).isolated ? 1 : 0;
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
  CHECK(isolated == kRounds);
  WARN(took.count() / kRounds << " us for one victim against " << policies.size() << " policies");
}
