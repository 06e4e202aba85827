// SPDX-License-Identifier: Apache-2.0
#include "targets/isolation/quarantine.h"

#include <nlohmann/json.hpp>

#include "base/escape.h"

namespace kintsugi::isolation {

Labels labels_after_quarantine(const Labels& labels, const QuarantineOptions& options) {
  Labels after;
  for (const std::string& key : options.kept_keys) {
    const auto label = labels.find(key);
    if (label != labels.end()) after.insert(*label);
  }
  after.erase(std::string(kForensicsLabel));
  if (!options.forensics.empty()) after.emplace(kForensicsLabel, options.forensics);
  after.insert_or_assign(std::string(kQuarantineLabel), "true");
  return after;
}

std::vector<std::string> selectors_matching(const Labels& labels, std::span<const NamedSelector> selectors) {
  std::vector<std::string> matching;
  for (const NamedSelector& named : selectors) {
    if (named.selector && named.selector->matches(labels)) {
      matching.push_back(escape(named.kind, 64) + " " + escape(named.name, 256));
    }
  }
  return matching;
}

std::string quarantine_policy_manifest(std::string_view name_space, std::string_view name) {
  const nlohmann::ordered_json manifest = {
      {"apiVersion", "networking.k8s.io/v1"},
      {"kind", "NetworkPolicy"},
      {"metadata",
       {{"namespace", name_space},
        {"name", name},
        {"labels", {{"app.kubernetes.io/managed-by", "kintsugi"}}},
        {"annotations", {{"kintsugi.dev/purpose", "Denies all traffic of pods that are in quarantine."}}}}},
      {"spec",
       {{"podSelector", {{"matchLabels", {{kQuarantineLabel, "true"}}}}},
        {"policyTypes", {"Ingress", "Egress"}}}},
  };
  return manifest.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string quarantine_policy_drift(const NetworkPolicy& policy) {
  const LabelSelector expected{{{std::string(kQuarantineLabel), "true"}}, {}};
  if (policy.pod_selector != expected) {
    return "selects " + escape(policy.pod_selector.to_string(), 256) + " instead of " + expected.to_string();
  }
  if (!policy.denies_ingress) return "no longer denies ingress";
  if (!policy.denies_egress) return "no longer denies egress";
  if (!policy.ingress.empty()) return "has ingress rules";
  if (!policy.egress.empty()) return "has egress rules";
  return {};
}

}  // namespace kintsugi::isolation
