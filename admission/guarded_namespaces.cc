// SPDX-License-Identifier: Apache-2.0
#include "admission/guarded_namespaces.h"

#include "model/incident.h"

namespace kintsugi::admission {
namespace {

bool guards(const Incident& incident, std::chrono::seconds after, WallTime now) {
  if (!incident.problem.empty()) return false;
  const Mode mode = mode_of(incident);
  if (mode != Mode::kContainOnly && mode != Mode::kFull) return false;
  if (!incident.is_over()) return true;
  if (incident.status.outcome == Outcome::kReleased) return false;
  return incident.status.times.closed && now - *incident.status.times.closed < after;
}

}  // namespace

GuardedNamespaces find_guarded_namespaces(
    const std::vector<std::shared_ptr<const Incident>>& incidents,
    const std::function<NamespaceRule(const std::string& name)>& rule_of, const GuardOptions& options,
    WallTime now) {
  std::set<std::string> names;
  for (const auto& incident : incidents) {
    if (guards(*incident, options.after, now)) names.insert(incident->spec.target.name_space);
  }
  GuardedNamespaces guarded;
  for (const std::string& name : names) {
    const NamespaceRule rule = rule_of(name);
    if (!rule.is_protected || name == options.own_namespace) continue;
    if (rule.admission == "fail-closed") {
      guarded.fail_closed.insert(name);
      continue;
    }
    guarded.fail_open.insert(name);
    if (!rule.admission.empty() && rule.admission != "fail-open") guarded.misspelt.insert(name);
  }
  return guarded;
}

}  // namespace kintsugi::admission
