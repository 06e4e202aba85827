// SPDX-License-Identifier: Apache-2.0
#include "incidents/retention.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace kintsugi::incidents {
namespace {

using Pointer = IncidentStore::Pointer;

WallTime end_of(const Incident& incident) {
  return incident.status.times.closed.value_or(incident.created);
}

/// Creation times have whole seconds; of two names of one target the longer, or higher, is the later one.
bool is_earlier(const Incident& a, const Incident& b) {
  const std::size_t a_size = a.name.size(), b_size = b.name.size();
  return std::tie(a.created, a_size, a.name) < std::tie(b.created, b_size, b.name);
}

/// Names of the newest incident of each target that is present.
std::set<std::string> last_words(const std::vector<Pointer>& incidents,
                                 const std::set<std::string>& present_targets) {
  std::map<std::string, const Incident*> newest;
  for (const Pointer& incident : incidents) {
    const std::string& target = incident->spec.target.uid;
    if (!present_targets.contains(target)) continue;
    const Incident*& known = newest[target];
    if (known == nullptr || is_earlier(*known, *incident)) known = incident.get();
  }
  std::set<std::string> names;
  for (const auto& [target, incident] : newest) names.insert(incident->name);
  return names;
}

}  // namespace

std::vector<Pointer> plan_retention(const std::vector<Pointer>& incidents, const RetentionFacts& facts,
                                    const Retention& retention, WallTime now) {
  const std::set<std::string> kept = last_words(incidents, facts.present_targets);
  std::vector<Pointer> over;
  std::copy_if(incidents.begin(), incidents.end(), std::back_inserter(over),
               [](const Pointer& incident) { return incident->is_over() && !incident->being_deleted; });
  std::sort(over.begin(), over.end(), [](const Pointer& a, const Pointer& b) {
    return std::pair(end_of(*a), a->name) < std::pair(end_of(*b), b->name);
  });
  std::size_t excess = retention.most > 0 && over.size() > retention.most ? over.size() - retention.most : 0;
  std::vector<Pointer> chosen;
  for (const Pointer& incident : over) {
    const bool is_expired = retention.age.count() > 0 && now - end_of(*incident) >= retention.age;
    if (!is_expired && excess == 0) break;
    if (kept.contains(incident->name) || facts.busy.contains(incident->name) || incident->spec.hold) continue;
    chosen.push_back(incident);
    if (excess > 0) --excess;
  }
  return chosen;
}

}  // namespace kintsugi::incidents
