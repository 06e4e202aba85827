// SPDX-License-Identifier: Apache-2.0
#include "targets/isolation/network_policy.h"

#include <catch2/catch.hpp>
#include <string>

#include "targets/isolation/isolation_test_support.h"

using namespace kintsugi;
using namespace kintsugi::isolation;
using Catch::Matchers::Contains;
using Operator = LabelRequirement::Operator;

TEST_CASE("identity and selector are read, unknown fields are ignored") {
  const auto policy = parse_network_policy(R"({
    "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "status": {"conditions": [1, null]},
    "metadata": {"namespace": "shop", "name": "web", "uid": "u-1", "resourceVersion": "42", "managedFields": [{}]},
    "spec": {"future": {"x": 1}, "policyTypes": ["Egress"], "podSelector": {
      "matchLabels": {"app": "web", "tier": ""},
      "matchExpressions": [{"key": "a", "operator": "In", "values": ["b", "c"]},
                           {"key": "d", "operator": "NotIn", "values": ["e"]},
                           {"key": "f", "operator": "Exists", "values": []},
                           {"key": "g", "operator": "DoesNotExist", "values": null}]}}})");
  REQUIRE(policy);
  CHECK(policy->to_string() == "shop/web");
  CHECK(policy->uid == "u-1");
  CHECK(policy->resource_version == "42");
  CHECK(policy->pod_selector == LabelSelector{{{"app", "web"}, {"tier", ""}},
                                              {{"a", Operator::kIn, {"b", "c"}},
                                               {"d", Operator::kNotIn, {"e"}},
                                               {"f", Operator::kExists, {}},
                                               {"g", Operator::kDoesNotExist, {}}}});
}

TEST_CASE("policy types have the API's defaults") {
  struct Case {
    std::string name, spec;
    bool ingress, egress;
  };
  const auto c = GENERATE(values<Case>({
      {"nothing given", "{}", true, false},
      {"null spec", "null", true, false},
      {"ingress rules", R"({"ingress":[{}]})", true, false},
      {"empty ingress", R"({"ingress":[]})", true, false},
      {"egress rules", R"({"egress":[{}]})", true, true},
      {"empty egress", R"({"egress":[]})", true, false},
      {"null egress", R"({"egress":null})", true, false},
      {"empty types, egress rules", R"({"policyTypes":[],"egress":[{}]})", true, true},
      {"null types", R"({"policyTypes":null})", true, false},
      {"Ingress only, egress rules", R"({"policyTypes":["Ingress"],"egress":[{}]})", true, false},
      {"Egress only, ingress rules", R"({"policyTypes":["Egress"],"ingress":[{}]})", false, true},
      {"both", R"({"policyTypes":["Ingress","Egress"]})", true, true},
      {"both, other order", R"({"policyTypes":["Egress","Ingress"]})", true, true},
  }));
  INFO(c.name);
  const NetworkPolicy policy = make_policy("shop", "p", c.spec);
  CHECK(policy.denies(Direction::kIngress) == c.ingress);
  CHECK(policy.denies(Direction::kEgress) == c.egress);
}

TEST_CASE("a rule says in words whom it allows") {
  struct Case {
    std::string rule, peers, ports;
  };
  const auto c = GENERATE(values<Case>({
      {"{}", "any source", "every port"},
      {"null", "any source", "every port"},
      {R"({"from":[],"ports":[]})", "any source", "every port"},
      {R"({"from":null,"ports":null})", "any source", "every port"},
      {R"({"from":[{"podSelector":{}}]})", "every pod of namespace shop", "every port"},
      {R"({"from":[{"namespaceSelector":{}}]})", "every pod of every namespace", "every port"},
      {R"({"from":[{"podSelector":{},"namespaceSelector":{}}]})", "every pod of every namespace",
       "every port"},
      {R"({"from":[{"podSelector":{"matchLabels":{"app":"a"}}}]})", "pods with app=a of namespace shop",
       "every port"},
      {R"({"from":[{"namespaceSelector":{"matchLabels":{"team":"b"}}}]})",
       "every pod of namespaces with team=b", "every port"},
      {R"({"from":[{"podSelector":{"matchExpressions":[{"key":"app","operator":"NotIn","values":["c"]}]},
                    "namespaceSelector":{"matchLabels":{"team":"b"}}}]})",
       "pods with app notin (c) of namespaces with team=b", "every port"},
      {R"({"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.1.0.0/16","10.2.0.0/16"]}}]})",
       "10.0.0.0/8 except 10.1.0.0/16, 10.2.0.0/16", "every port"},
      {R"({"from":[{"podSelector":{}},{"ipBlock":{"cidr":"::/0"}}]})", "every pod of namespace shop; ::/0",
       "every port"},
      {R"({"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.0.0.0/9","10.128.0.0/9"]}},
                   {"ipBlock":{"cidr":"11.0.0.0/8"}}]})",
       "11.0.0.0/8", "every port"},
      {R"({"ports":[{"port":53,"protocol":"UDP"},{"port":53}]})", "any source", "53/UDP, 53/TCP"},
      {R"({"ports":[{"port":8081,"endPort":8090}]})", "any source", "8081-8090/TCP"},
      {R"({"ports":[{"port":8081,"endPort":8081}]})", "any source", "8081/TCP"},
      {R"({"ports":[{"port":"http"}]})", "any source", "http/TCP"},
      {R"({"ports":[{}]})", "any source", "every port/TCP"},
      {R"({"ports":[{"protocol":"SCTP"}]})", "any source", "every port/SCTP"},
      {R"({"ports":[{"protocol":"","port":1e2}]})", "any source", "100/TCP"},
      {R"({"ports":[{"port":1},{"port":2},{"port":3},{"port":4},{"port":5}]})", "any source",
       "1/TCP, 2/TCP, 3/TCP, 4/TCP, 5/TCP"},
      {R"({"ports":[{"port":1},{"port":2},{"port":3},{"port":4},{"port":5},{"port":6}]})", "any source",
       "1/TCP, 2/TCP, 3/TCP, 4/TCP, and 2 more"},
  }));
  INFO(c.rule);
  const NetworkPolicy policy = make_policy("shop", "p", R"({"ingress":[)" + c.rule + "]}");
  REQUIRE(policy.ingress.size() == 1);
  CHECK(peers_in_words(policy.ingress[0], Direction::kIngress, "shop") == c.peers);
  CHECK(ports_in_words(policy.ingress[0]) == c.ports);
  CHECK(allows_anything(policy.ingress[0]));
}

TEST_CASE("egress rules read their peers from `to` only") {
  const NetworkPolicy policy =
      make_policy("shop", "p", R"({"egress":[{"from":[{"podSelector":{}}]},{"to":[{"podSelector":{}}]}]})");
  REQUIRE(policy.egress.size() == 2);
  CHECK(peers_in_words(policy.egress[0], Direction::kEgress, "shop") == "any destination");
  CHECK(peers_in_words(policy.egress[1], Direction::kEgress, "shop") == "every pod of namespace shop");
}

TEST_CASE("a rule allows nothing only where its exceptions cover every block") {
  struct Case {
    std::string name, peers;
    bool expected;
  };
  const auto c = GENERATE(values<Case>({
      {"covered by two", R"({"ipBlock":{"cidr":"0.0.0.0/0","except":["0.0.0.0/1","128.0.0.0/1"]}})", false},
      {"covered by itself", R"({"ipBlock":{"cidr":"10.0.0.0/8","except":["10.0.0.0/8"]}})", false},
      {"nearly covered", R"({"ipBlock":{"cidr":"10.0.0.0/30","except":["10.0.0.0/31","10.0.0.2/32"]}})",
       true},
      {"one covered, one open",
       R"({"ipBlock":{"cidr":"10.0.0.0/8","except":["10.0.0.0/8"]}},{"ipBlock":{"cidr":"::/0"}})", true},
      {"both covered",
       R"({"ipBlock":{"cidr":"10.0.0.0/8","except":["10.0.0.0/8"]}},
          {"ipBlock":{"cidr":"::/0","except":["::/0"]}})",
       false},
      {"selector that nothing can match",
       R"({"podSelector":{"matchExpressions":[{"key":"a","operator":"Exists"},
                                              {"key":"a","operator":"DoesNotExist"}]}})",
       true},
  }));
  INFO(c.name);
  const NetworkPolicy policy = make_policy("shop", "p", R"({"ingress":[{"from":[)" + c.peers + "]}]}");
  CHECK(allows_anything(policy.ingress[0]) == c.expected);
}

TEST_CASE("a malformed policy is refused with its name and the field") {
  struct Case {
    std::string spec, expected;
  };
  const auto c = GENERATE(values<Case>({
      {R"([])", "spec: expected object, found array"},
      {R"("x")", "spec: expected object, found string"},
      {R"({"podSelector":"app=web"})", "spec.podSelector: expected object"},
      {R"({"podSelector":{"matchLabels":[]}})", "spec.podSelector.matchLabels: expected object"},
      {R"({"podSelector":{"matchLabels":{"app":1}}})", "spec.podSelector.matchLabels[app]: expected string"},
      {R"({"podSelector":{"matchExpressions":{}}})", "spec.podSelector.matchExpressions: expected array"},
      {R"({"podSelector":{"matchExpressions":[1]}})",
       "spec.podSelector.matchExpressions[0]: expected object"},
      {R"({"podSelector":{"matchExpressions":[{"operator":"Exists"}]}})", "key is missing"},
      {R"({"podSelector":{"matchExpressions":[{"key":"a"}]}})", "operator \"\" is not In"},
      {R"({"podSelector":{"matchExpressions":[{"key":"a","operator":"exists"}]}})", "operator \"exists\""},
      {R"({"podSelector":{"matchExpressions":[{"key":"a","operator":"Gt","values":["1"]}]}})", "\"Gt\""},
      {R"({"podSelector":{"matchExpressions":[{"key":"a","operator":"In"}]}})", "In needs values"},
      {R"({"podSelector":{"matchExpressions":[{"key":"a","operator":"NotIn","values":[]}]}})",
       "NotIn needs values"},
      {R"({"podSelector":{"matchExpressions":[{"key":"a","operator":"Exists","values":["b"]}]}})",
       "Exists takes no values"},
      {R"({"podSelector":{"matchExpressions":[{"key":"a","operator":"In","values":[1]}]}})",
       "matchExpressions[0].values[0]: expected string"},
      {R"({"policyTypes":"Ingress"})", "spec.policyTypes: expected array"},
      {R"({"policyTypes":["ingress"]})", "spec.policyTypes[0]: \"ingress\" is not Ingress or Egress"},
      {R"({"policyTypes":["Ingress",""]})", "spec.policyTypes[1]: \"\""},
      {R"({"ingress":{}})", "spec.ingress: expected array"},
      {R"({"ingress":[{},"x"]})", "spec.ingress[1]: expected object"},
      {R"({"ingress":[{"from":{}}]})", "spec.ingress[0].from: expected array"},
      {R"({"ingress":[{"from":[{}]}]})", "spec.ingress[0].from[0]: a peer needs"},
      {R"({"ingress":[{"from":[null]}]})", "spec.ingress[0].from[0]: a peer needs"},
      {R"({"egress":[{"to":[{"podSelector":null}]}]})", "spec.egress[0].to[0]: a peer needs"},
      {R"({"egress":[{"to":[{"podSelector":{},"ipBlock":{"cidr":"10.0.0.0/8"}}]}]})", "ipBlock excludes"},
      {R"({"egress":[{"to":[{"ipBlock":{}}]}]})", "spec.egress[0].to[0].ipBlock.cidr: \"\" is no CIDR"},
      {R"({"egress":[{"to":[{"ipBlock":{"cidr":"10.0.0.0"}}]}]})", "\"10.0.0.0\" is no CIDR block"},
      {R"({"egress":[{"to":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["11.0.0.0/16"]}}]}]})",
       "spec.egress[0].to[0].ipBlock.except[0]: 11.0.0.0/16 is not within 10.0.0.0/8"},
      {R"({"egress":[{"to":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["::/0"]}}]}]})", "is not within"},
      {R"({"egress":[{"to":[{"ipBlock":{"cidr":"10.0.0.0/8","except":"10.0.0.0/9"}}]}]})", "expected array"},
      {R"({"ingress":[{"ports":[1]}]})", "spec.ingress[0].ports[0]: expected object"},
      {R"({"ingress":[{"ports":[{"protocol":"ICMP"}]}]})", "\"ICMP\" is not TCP, UDP or SCTP"},
      {R"({"ingress":[{"ports":[{"protocol":"tcp"}]}]})", "spec.ingress[0].ports[0].protocol"},
      {R"({"ingress":[{"ports":[{"port":0}]}]})", "spec.ingress[0].ports[0].port: 0 is not 1 to 65535"},
      {R"({"ingress":[{"ports":[{"port":65536}]}]})", "65536 is not"},
      {R"({"ingress":[{"ports":[{"port":-1}]}]})", "-1 is not"},
      {R"({"ingress":[{"ports":[{"port":80.5}]}]})", "not an exact integer"},
      {R"({"ingress":[{"ports":[{"port":99999999999999999999}]}]})", "beyond 64 bits"},
      {R"({"ingress":[{"ports":[{"port":true}]}]})", "expected an integer, found boolean"},
      {R"({"ingress":[{"ports":[{"port":""}]}]})", "port: is an empty name"},
      {R"({"ingress":[{"ports":[{"endPort":90}]}]})", "endPort: needs a port number"},
      {R"({"ingress":[{"ports":[{"port":"http","endPort":90}]}]})", "endPort: needs a port number"},
      {R"({"ingress":[{"ports":[{"port":90,"endPort":89}]}]})", "endPort: is below port"},
      {R"({"ingress":[{"ports":[{"port":90,"endPort":65536}]}]})", "endPort: 65536"},
      {R"({"ingress":[{"ports":[{"port":90,"endPort":"91"}]}]})", "expected an integer, found string"},
  }));
  CAPTURE(c.spec);
  const auto policy =
      parse_network_policy(R"({"metadata":{"namespace":"shop","name":"bad"},"spec":)" + c.spec + "}");
  REQUIRE_FALSE(policy);
  CHECK(policy.error().code == ErrorCode::kInvalidInput);
  CHECK(policy.error().object == "networkpolicy shop/bad");
  CHECK_THAT(policy.error().message, Contains(c.expected));
}

TEST_CASE("what is no policy object at all is refused") {
  struct Case {
    std::string text, expected;
  };
  const auto c = GENERATE(values<Case>({
      {"", "unexpected end"},
      {"null", "not an object"},
      {"[]", "not an object"},
      {"{}", "metadata.name: is missing"},
      {R"({"metadata":7})", "metadata: expected object"},
      {R"({"metadata":{"name":7}})", "metadata.name: expected string"},
      {R"({"metadata":{"name":"a","uid":[]}})", "metadata.uid: expected string"},
      {R"({"metadata":{"name":"a","name":"b"}})", "repeated key"},
      {R"({"metadata":{"name":"a"}} x)", "text after"},
  }));
  CAPTURE(c.text);
  const auto policy = parse_network_policy(c.text);
  REQUIRE_FALSE(policy);
  CHECK_THAT(policy.error().to_string(), Contains(c.expected));
}

TEST_CASE("names and selectors that could harm a terminal are escaped") {
  const NetworkPolicy policy = make_policy(
      "shop", "p\\u001b[31m",
      R"({"ingress":[{"from":[{"podSelector":{"matchLabels":{"a":"\u001b[2J"}}}],"ports":[{"port":"\u0007"}]}]})");
  CHECK(policy.to_string() == "shop/p\\x1b[31m");
  CHECK(peers_in_words(policy.ingress[0], Direction::kIngress, "shop") ==
        "pods with a=\\x1b[2J of namespace shop");
  CHECK(ports_in_words(policy.ingress[0]) == "\\x07/TCP");
}
