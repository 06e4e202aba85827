// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/rule.h"

namespace kintsugi::faults {
namespace {

bool fits(const Rule& rule, const Call& call) {
  return rule.most > 0 && rule.watches == call.is_watch &&
         (rule.method.empty() || rule.method == call.method) && (rule.dry_runs || !call.is_dry_run()) &&
         (rule.number == 0 || rule.number == call.number) &&
         call.path.find(rule.path_part) != std::string::npos;
}

}  // namespace

std::string Call::to_string() const {
  return (is_watch ? "watch" : std::to_string(number)) + " " + method + " " + path +
         (query.empty() ? "" : "?" + query) + " " + std::to_string(status);
}

RuleBook::RuleBook(std::vector<Rule> rules, std::uint64_t seed) : rules_(std::move(rules)), dice_(seed) {}

std::optional<Rule> RuleBook::choose(const Call& call) {
  for (Rule& rule : rules_) {
    if (!fits(rule, call)) continue;
    if (rule.probability < 1 && std::uniform_real_distribution<double>()(dice_) >= rule.probability) continue;
    --rule.most;
    return rule;
  }
  return std::nullopt;
}

}  // namespace kintsugi::faults
