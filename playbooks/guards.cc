// SPDX-License-Identifier: Apache-2.0
#include "playbooks/guards.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/escape.h"

namespace kintsugi::playbooks {
namespace {

using Kind = GuardVerdict::Kind;

constexpr std::array<std::string_view, 3> kSystemNamespaces{"kube-system", "kube-public", "kube-node-lease"};
constexpr std::array<std::string_view, 2> kCriticalClasses{"system-node-critical", "system-cluster-critical"};
constexpr std::array<std::string_view, 3> kDnsNames{"kube-dns", "coredns", "node-local-dns"};
constexpr std::array<std::string_view, 2> kDnsLabels{"k8s-app", "app.kubernetes.io/name"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_cluster_dns(const Labels& labels) {
  return std::any_of(kDnsLabels.begin(), kDnsLabels.end(), [&](std::string_view key) {
    const auto label = labels.find(key);
    return label != labels.end() && contains(kDnsNames, label->second);
  });
}

GuardVerdict ask(std::string reason) {
  return {Kind::kNeedsApproval, std::move(reason)};
}

}  // namespace

bool is_system_namespace(std::string_view name) {
  return contains(kSystemNamespaces, name);
}

GuardVerdict check_protection(const ProtectionFacts& facts) {
  const std::string& name_space = facts.target.name_space;
  const auto refuse = [&](std::string_view reason) {
    return GuardVerdict{Kind::kRefused, fmt::format("{} {}", escape(facts.target.to_string()), reason)};
  };
  if (name_space == facts.own_namespace) return refuse("is in the controller's own namespace");
  if (is_system_namespace(name_space)) return refuse("is in a namespace of the cluster itself");
  if (is_cluster_dns(facts.pod_labels)) return refuse("serves the cluster's DNS");
  if (contains(kCriticalClasses, facts.priority_class)) {
    return refuse(fmt::format("has the priority class {}", facts.priority_class));
  }
  if (facts.is_static) return refuse("is a static pod, which only its node can change");
  return {};
}

GuardVerdict check_caps(const Guards& guards, const CapFacts& facts) {
  const bool has_owner = !facts.owner.kind.empty();
  const std::string owner = fmt::format("{} {}", facts.owner.kind, escape(facts.owner.name));
  if (has_owner && guards.max_targets_per_workload &&
      facts.owner_targets >= *guards.max_targets_per_workload) {
    return ask(fmt::format("{} targets of {} are under recovery already; maxTargetsPerWorkload is {}",
                           facts.owner_targets, owner, *guards.max_targets_per_workload));
  }
  const auto is_recent = [&](WallTime time) { return time > facts.now - std::chrono::minutes(1); };
  const auto recent = std::count_if(facts.containments.begin(), facts.containments.end(), is_recent);
  if (guards.max_targets_per_minute && recent >= std::ptrdiff_t(*guards.max_targets_per_minute)) {
    return ask(fmt::format("{} targets were contained within the last minute; maxTargetsPerMinute is {}",
                           recent, *guards.max_targets_per_minute));
  }
  if (!has_owner || !guards.max_unavailable) return {};
  const unsigned limit = guards.max_unavailable->of(facts.owner_replicas);
  if (facts.owner_unready < limit) return {};
  return ask(fmt::format("{} other pods of {} are not ready; maxUnavailable is {}{}", facts.owner_unready,
                         owner, guards.max_unavailable->value,
                         guards.max_unavailable->is_percent
                             ? fmt::format("%, {} of {} replicas", limit, facts.owner_replicas)
                             : ""));
}

}  // namespace kintsugi::playbooks
