// SPDX-License-Identifier: Apache-2.0
#include "targets/isolation/isolation_proof.h"

#include <algorithm>
#include <utility>

#include "base/escape.h"
#include "targets/isolation/isolation_limits.h"
#include "targets/isolation/policy_exclusion.h"

namespace kintsugi::isolation {
namespace {

constexpr std::size_t kMaxRulesInMessage = 3;
constexpr std::size_t kMaxLabelBytes = 128;

/// Why one requirement, which holds, holds.
std::string holds_because(const LabelRequirement& requirement, const Labels& labels) {
  std::string text = escape(LabelSelector{{}, {requirement}}.to_string(), kMaxLabelBytes);
  text += " holds because the label is ";
  const auto label = labels.find(requirement.key);
  if (label == labels.end()) return text + "absent";
  if (requirement.op == LabelRequirement::Operator::kExists) return text + "present";
  return text + "\"" + escape(label->second, kMaxLabelBytes) + "\"";
}

/// Why `selector`, which matches `labels`, does.
std::string matches_because(const LabelSelector& selector, const Labels& labels) {
  if (selector.empty()) return "its podSelector is empty";
  std::string text;
  const auto append = [&](const std::string& clause) { text += (text.empty() ? "" : ", ") + clause; };
  for (const auto& [key, value] : selector.match_labels) {
    append(escape(LabelSelector{{{key, value}}, {}}.to_string(), kMaxLabelBytes) + " is worn");
  }
  for (const LabelRequirement& requirement : selector.match_expressions) {
    append(holds_because(requirement, labels));
  }
  return text;
}

/// True when the selector, which matches `labels`, names the forensic profile that the victim wears.
bool is_forensic_exception(const LabelSelector& selector, const Labels& labels) {
  const auto profile = labels.find(kForensicsLabel);
  if (profile == labels.end()) return false;
  if (selector.match_labels.contains(kForensicsLabel)) return true;
  return std::any_of(selector.match_expressions.begin(), selector.match_expressions.end(),
                     [](const LabelRequirement& requirement) {
                       return requirement.key == kForensicsLabel &&
                              requirement.op == LabelRequirement::Operator::kIn;
                     });
}

Allowance describe(const NetworkPolicy& policy, Direction direction, std::size_t index,
                   const std::string& selected_by) {
  const PolicyRule& rule = policy.rules(direction)[index];
  return {policy.to_string(),   direction,  index, peers_in_words(rule, direction, policy.name_space),
          ports_in_words(rule), selected_by};
}

/// Collects what the policies of one namespace do to one victim.
class Evaluation {
 public:
  explicit Evaluation(const Victim& victim) : victim_(victim) {}

  void add(const NetworkPolicy& policy) {
    if (policy.name_space != victim_.name_space || !policy.pod_selector.matches(victim_.labels)) return;
    const bool is_exception = is_forensic_exception(policy.pod_selector, victim_.labels);
    const std::string selected_by = matches_because(policy.pod_selector, victim_.labels);
    const std::size_t leaks_before = proof_.leaks.size();
    for (const Direction direction : {Direction::kIngress, Direction::kEgress}) {
      if (!policy.denies(direction)) continue;
      deny(direction);
      for (std::size_t i = 0; i < policy.rules(direction).size(); ++i) {
        if (!allows_anything(policy.rules(direction)[i])) continue;
        auto& found = is_exception ? proof_.exceptions : proof_.leaks;
        found.push_back(describe(policy, direction, i, selected_by));
      }
    }
    if (proof_.leaks.size() > leaks_before) proof_.exclusions.push_back(exclusion_from(policy));
  }

  void deny(Direction direction) {
    (direction == Direction::kIngress ? proof_.ingress_denied : proof_.egress_denied) = true;
  }

  /// The verdict, once every policy was added.
  IsolationProof finish(const PolicySet& policies, const NetworkFacts& network) && {
    add_limits_of_policies(proof_.ingress_denied, proof_.egress_denied, policies.unreadable, proof_.limits);
    for (const Allowance& leak : proof_.leaks) {
      (leak.direction == Direction::kIngress ? proof_.ingress_denied : proof_.egress_denied) = false;
    }
    add_limits_of_pod(victim_.facts, proof_.limits);
    add_limits_of_network(network, proof_.limits);
    std::stable_sort(proof_.limits.begin(), proof_.limits.end(),
                     [](const Limit& a, const Limit& b) { return a.code < b.code; });
    proof_.isolated = proof_.ingress_denied && proof_.egress_denied &&
                      std::none_of(proof_.limits.begin(), proof_.limits.end(),
                                   [](const Limit& limit) { return forbids_isolation(limit.code); });
    return std::move(proof_);
  }

 private:
  const Victim& victim_;
  IsolationProof proof_;
};

}  // namespace

std::string Allowance::to_string() const {
  const std::string field(isolation::to_string(direction));
  return "NetworkPolicy " + policy + " allows " + field + " (spec." + field + "[" + std::to_string(rule) +
         "]) " + (direction == Direction::kIngress ? "from " : "to ") + peers + " on " + ports + ": " +
         selected_by;
}

std::string_view IsolationProof::reason() const {
  if (isolated) return method;
  if (!leaks.empty()) return "NetworkPolicyAllows";
  return limits.empty() ? std::string_view("NotEvaluated") : to_string(limits.front().code);
}

std::string IsolationProof::message() const {
  std::string text;
  const auto append = [&](const std::string& clause) { text += (text.empty() ? "" : "; ") + clause; };
  const auto append_first = [&](const std::vector<Allowance>& all, const std::string& prefix) {
    const std::size_t shown = std::min(all.size(), kMaxRulesInMessage);
    for (std::size_t i = 0; i < shown; ++i) append(prefix + all[i].to_string());
    if (all.size() > shown) append("and " + std::to_string(all.size() - shown) + " more such rules");
  };
  append_first(leaks, "");
  append_first(exceptions, "forensic exception: ");
  for (const Limit& limit : limits) {
    append(std::string(isolation::to_string(limit.code)) + ": " + limit.message);
  }
  return text;
}

IsolationProof prove_isolation(const Victim& victim, const PolicySet& policies, const NetworkFacts& network) {
  Evaluation evaluation(victim);
  for (const NetworkPolicy* policy : policies.policies) evaluation.add(*policy);
  return std::move(evaluation).finish(policies, network);
}

IsolationProof prove_containability(const Victim& template_pod, const QuarantineOptions& options,
                                    const PolicySet& policies, const NetworkFacts& network) {
  Victim victim = template_pod;
  victim.labels = labels_after_quarantine(template_pod.labels, options);
  Evaluation evaluation(victim);
  evaluation.deny(Direction::kIngress);
  evaluation.deny(Direction::kEgress);
  for (const NetworkPolicy* policy : policies.policies) evaluation.add(*policy);
  return std::move(evaluation).finish(policies, network);
}

}  // namespace kintsugi::isolation
