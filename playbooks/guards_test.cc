// SPDX-License-Identifier: Apache-2.0
#include "playbooks/guards.h"

#include <catch2/catch.hpp>
#include <functional>

using namespace kintsugi;
using namespace kintsugi::playbooks;
using namespace std::chrono_literals;
using Kind = GuardVerdict::Kind;

namespace {

const WallTime kNow{std::chrono::seconds(1'800'000'000)};

ProtectionFacts shop_pod() {
  ProtectionFacts facts;
  facts.target = {"Pod", "shop", "web-1", "uid-1"};
  facts.own_namespace = "kintsugi-system";
  facts.pod_labels = {{"app", "web"}};
  return facts;
}

CapFacts healthy(unsigned replicas) {
  CapFacts facts;
  facts.now = kNow;
  facts.owner = {"Deployment", "web", "uid-d"};
  facts.owner_replicas = replicas;
  return facts;
}

}  // namespace

TEST_CASE("Guards: an ordinary pod may be contained") {
  CHECK(check_protection(shop_pod()).allowed());
  ProtectionFacts facts = shop_pod();
  facts.priority_class = "high";
  facts.pod_labels = {{"k8s-app", "web"}, {"app.kubernetes.io/name", "web"}, {"app", "coredns"}};
  facts.target.name_space = "kube-system-like";
  CHECK(check_protection(facts).allowed());
}

TEST_CASE("Guards: what is never done is refused with its reason") {
  struct Case {
    std::string expected;
    std::function<void(ProtectionFacts&)> change;
  };
  const auto c = GENERATE(values<Case>({
      {"own namespace", [](auto& f) { f.target.name_space = "kintsugi-system"; }},
      {"namespace of the cluster", [](auto& f) { f.target.name_space = "kube-system"; }},
      {"namespace of the cluster", [](auto& f) { f.target.name_space = "kube-public"; }},
      {"namespace of the cluster", [](auto& f) { f.target.name_space = "kube-node-lease"; }},
      {"cluster's DNS", [](auto& f) { f.pod_labels["k8s-app"] = "kube-dns"; }},
      {"cluster's DNS", [](auto& f) { f.pod_labels["k8s-app"] = "node-local-dns"; }},
      {"cluster's DNS", [](auto& f) { f.pod_labels["app.kubernetes.io/name"] = "coredns"; }},
      {"system-node-critical", [](auto& f) { f.priority_class = "system-node-critical"; }},
      {"system-cluster-critical", [](auto& f) { f.priority_class = "system-cluster-critical"; }},
      {"static pod", [](auto& f) { f.is_static = true; }},
  }));
  ProtectionFacts facts = shop_pod();
  c.change(facts);
  const GuardVerdict verdict = check_protection(facts);
  CHECK(verdict.kind == Kind::kRefused);
  CHECK_THAT(verdict.reason, Catch::StartsWith("pod ") && Catch::Contains(c.expected));
}

TEST_CASE("Caps: without any, everything is allowed") {
  CapFacts facts = healthy(3);
  facts.owner_targets = 99;
  facts.owner_unready = 3;
  facts.containments.assign(1000, kNow);
  CHECK(check_caps({}, facts).allowed());
}

TEST_CASE("Caps: targets per workload") {
  Guards guards;
  guards.max_targets_per_workload = 2;
  CapFacts facts = healthy(3);
  facts.owner_targets = 1;
  CHECK(check_caps(guards, facts).allowed());
  facts.owner_targets = 2;
  const GuardVerdict verdict = check_caps(guards, facts);
  CHECK(verdict.kind == Kind::kNeedsApproval);
  CHECK(verdict.reason ==
        "2 targets of Deployment web are under recovery already; maxTargetsPerWorkload is 2");
  facts.owner = {};
  CHECK(check_caps(guards, facts).allowed());
}

TEST_CASE("Caps: targets per minute slide") {
  Guards guards;
  guards.max_targets_per_minute = 2;
  CapFacts facts = healthy(3);
  facts.containments = {kNow - 61s, kNow - 60s, kNow - 59s};
  CHECK(check_caps(guards, facts).allowed());
  facts.containments = {kNow - 1s, kNow - 59s};
  CHECK(check_caps(guards, facts).kind == Kind::kNeedsApproval);
  facts.owner = {};
  CHECK(check_caps(guards, facts).kind == Kind::kNeedsApproval);
  facts.containments = {kNow + 5s, kNow + 6s};
  CHECK(check_caps(guards, facts).kind == Kind::kNeedsApproval);
}

TEST_CASE("Caps: other unready pods against maxUnavailable") {
  struct Case {
    IntOrPercent limit;
    unsigned replicas, unready;
    bool allowed;
  };
  const auto c = GENERATE(values<Case>({
      {{1, false}, 3, 0, true},
      {{1, false}, 3, 1, false},
      {{2, false}, 3, 1, true},
      {{2, false}, 3, 2, false},
      {{30, true}, 3, 0, true},
      {{30, true}, 3, 1, false},
      {{34, true}, 3, 1, true},
      {{1, true}, 1, 0, true},
      {{1, true}, 1, 1, false},
      {{1, true}, 0, 0, true},
      {{100, true}, 3, 2, true},
      {{100, true}, 3, 3, false},
      {{50, true}, 10, 4, true},
      {{50, true}, 10, 5, false},
  }));
  Guards guards;
  guards.max_unavailable = c.limit;
  CapFacts facts = healthy(c.replicas);
  facts.owner_unready = c.unready;
  INFO(c.limit.value << (c.limit.is_percent ? "%" : "") << " of " << c.replicas << ", " << c.unready);
  CHECK(check_caps(guards, facts).allowed() == c.allowed);
}

TEST_CASE("Caps: the reason names count and limit") {
  Guards guards;
  guards.max_unavailable = IntOrPercent{30, true};
  CapFacts facts = healthy(3);
  facts.owner_unready = 2;
  CHECK(check_caps(guards, facts).reason ==
        "2 other pods of Deployment web are not ready; maxUnavailable is 30%, 1 of 3 replicas");
}
