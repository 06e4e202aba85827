// SPDX-License-Identifier: Apache-2.0
#include "targets/isolation/policy_exclusion.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

namespace kintsugi::isolation {
namespace {

using Json = nlohmann::ordered_json;
using Operator = LabelRequirement::Operator;

/// True when no pod without the quarantine label matches, so that excluding it would leave nothing.
bool asks_for_quarantine(const LabelSelector& selector) {
  if (selector.match_labels.contains(kQuarantineLabel)) return true;
  return std::any_of(selector.match_expressions.begin(), selector.match_expressions.end(),
                     [](const LabelRequirement& requirement) {
                       return requirement.key == kQuarantineLabel &&
                              (requirement.op == Operator::kExists || requirement.op == Operator::kIn);
                     });
}

/// As the API server serves it: empty members are left out.
Json selector_json(const LabelSelector& selector) {
  Json json = Json::object();
  for (const auto& [key, value] : selector.match_labels) json["matchLabels"][key] = value;
  for (const LabelRequirement& requirement : selector.match_expressions) {
    Json entry = {{"key", requirement.key}, {"operator", to_string(requirement.op)}};
    if (!requirement.values.empty()) entry["values"] = requirement.values;
    json["matchExpressions"].push_back(std::move(entry));
  }
  return json;
}

std::string exclusion_patch(const NetworkPolicy& policy) {
  const Json entry = {{"key", kQuarantineLabel}, {"operator", to_string(Operator::kDoesNotExist)}};
  Json patch = Json::array();
  if (!policy.uid.empty())
    patch.push_back({{"op", "test"}, {"path", "/metadata/uid"}, {"value", policy.uid}});
  patch.push_back(
      {{"op", "test"}, {"path", "/spec/podSelector"}, {"value", selector_json(policy.pod_selector)}});
  if (policy.pod_selector.match_expressions.empty()) {
    patch.push_back(
        {{"op", "add"}, {"path", "/spec/podSelector/matchExpressions"}, {"value", Json::array({entry})}});
  } else {
    patch.push_back({{"op", "add"}, {"path", "/spec/podSelector/matchExpressions/-"}, {"value", entry}});
  }
  return patch.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Exclusion exclusion_from(const NetworkPolicy& policy) {
  const std::string label(kQuarantineLabel);
  if (asks_for_quarantine(policy.pod_selector)) {
    return {policy.to_string(),
            "remove its rules, or let it select " + std::string(kForensicsLabel) +
                " with a profile instead of " + label,
            ""};
  }
  return {policy.to_string(),
          "add to spec.podSelector.matchExpressions: {key: " + label + ", operator: DoesNotExist}",
          exclusion_patch(policy)};
}

}  // namespace kintsugi::isolation
