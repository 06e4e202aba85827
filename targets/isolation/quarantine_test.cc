// SPDX-License-Identifier: Apache-2.0
#include "targets/isolation/quarantine.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "targets/isolation/isolation_test_support.h"

using namespace kintsugi;
using namespace kintsugi::isolation;
using Operator = LabelRequirement::Operator;

TEST_CASE("a quarantine takes every label but those that are kept") {
  const std::string quarantine(kQuarantineLabel);
  const std::string forensics(kForensicsLabel);
  struct Case {
    std::string name;
    Labels before;
    QuarantineOptions options;
    Labels after;
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"no labels", {}, {}, {{quarantine, "true"}}},
      {"all go", {{"app", "web"}, {"pod-template-hash", "abc"}}, {}, {{quarantine, "true"}}},
      {"with a profile", {{"app", "web"}}, {"tools", {}}, {{quarantine, "true"}, {forensics, "tools"}}},
      {"one is kept",
       {{"app", "web"}, {"topology.kubernetes.io/zone", "a"}},
       {"", {"topology.kubernetes.io/zone", "absent"}},
       {{quarantine, "true"}, {"topology.kubernetes.io/zone", "a"}}},
      {"an own value of the quarantine label",
       {{quarantine, "false"}},
       {"", {quarantine}},
       {{quarantine, "true"}}},
      {"a profile that the template chose", {{forensics, "open"}}, {"", {forensics}}, {{quarantine, "true"}}},
      {"a profile that the template chose, another given",
       {{forensics, "open"}},
       {"tools", {forensics}},
       {{quarantine, "true"}, {forensics, "tools"}}},
      {"already in quarantine", {{quarantine, "true"}}, {}, {{quarantine, "true"}}},
  }));
  INFO(c.name);
  CHECK(labels_after_quarantine(c.before, c.options) == c.after);
}

TEST_CASE("what still chooses a pod in quarantine is named") {
  const Labels stripped = labels_after_quarantine({{"app", "web"}}, {});
  const std::vector<NamedSelector> selectors{
      {"ReplicaSet", "web-1", LabelSelector{{{"app", "web"}}, {}}},
      {"Service", "web", LabelSelector{{{"app", "web"}}, {}}},
      {"Service", "headless", std::nullopt},
      {"PodDisruptionBudget", "all", LabelSelector{}},
      {"PodDisruptionBudget", "others", LabelSelector{{}, {{"app", Operator::kNotIn, {"db"}}}}},
      {"ReplicaSet", "odd", LabelSelector{{}, {{std::string(kQuarantineLabel), Operator::kExists, {}}}}},
  };
  CHECK(selectors_matching(stripped, selectors) ==
        std::vector<std::string>{"PodDisruptionBudget all", "PodDisruptionBudget others", "ReplicaSet odd"});
  CHECK(selectors_matching(stripped, std::span(selectors).first(3)).empty());
}

TEST_CASE("the standing policy's manifest is what the API expects and reads back intact") {
  const std::string text = quarantine_policy_manifest("shop", "kintsugi-quarantine");
  const auto manifest = nlohmann::json::parse(text);
  CHECK(manifest["apiVersion"] == "networking.k8s.io/v1");
  CHECK(manifest["kind"] == "NetworkPolicy");
  CHECK(manifest["metadata"]["namespace"] == "shop");
  CHECK(manifest["metadata"]["name"] == "kintsugi-quarantine");
  CHECK(manifest["spec"] == nlohmann::json::parse(R"({
    "podSelector": {"matchLabels": {"kintsugi.dev/quarantine": "true"}}, "policyTypes": ["Ingress", "Egress"]})"));
  const auto policy = parse_network_policy(text);
  REQUIRE(policy);
  CHECK(is_quarantine_policy_intact(*policy));
}

TEST_CASE("drift of the standing policy is named") {
  struct Case {
    std::string spec, expected;
  };
  const auto c = GENERATE(values<Case>({
      {R"({"podSelector":{"matchLabels":{"kintsugi.dev/quarantine":"true"}},"policyTypes":["Egress","Ingress"],
          "ingress":[],"egress":null})",
       ""},
      {R"({"podSelector":{},"policyTypes":["Ingress","Egress"]})",
       "selects <all> instead of kintsugi.dev/quarantine=true"},
      {R"({"podSelector":{"matchLabels":{"kintsugi.dev/quarantine":"false"}},"policyTypes":["Ingress","Egress"]})",
       "selects kintsugi.dev/quarantine=false instead of kintsugi.dev/quarantine=true"},
      {R"({"podSelector":{"matchLabels":{"kintsugi.dev/quarantine":"true","a":"b"}},
          "policyTypes":["Ingress","Egress"]})",
       "selects a=b,kintsugi.dev/quarantine=true instead of kintsugi.dev/quarantine=true"},
      {R"({"podSelector":{"matchLabels":{"kintsugi.dev/quarantine":"true"}}})", "no longer denies egress"},
      {R"({"podSelector":{"matchLabels":{"kintsugi.dev/quarantine":"true"}},"policyTypes":["Egress"]})",
       "no longer denies ingress"},
      {R"({"podSelector":{"matchLabels":{"kintsugi.dev/quarantine":"true"}},"policyTypes":["Ingress","Egress"],
          "ingress":[{}]})",
       "has ingress rules"},
      {R"({"podSelector":{"matchLabels":{"kintsugi.dev/quarantine":"true"}},"policyTypes":["Ingress","Egress"],
          "egress":[{"to":[{"podSelector":{}}]}]})",
       "has egress rules"},
  }));
  CAPTURE(c.spec);
  const NetworkPolicy policy = make_policy("shop", "kintsugi-quarantine", c.spec);
  CHECK(quarantine_policy_drift(policy) == c.expected);
  CHECK(is_quarantine_policy_intact(policy) == c.expected.empty());
}
