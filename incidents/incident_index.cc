// SPDX-License-Identifier: Apache-2.0
#include "incidents/incident_index.h"

#include <algorithm>

namespace kintsugi::incidents {
namespace {

using Pointer = IncidentStore::Pointer;

std::vector<Pointer> values_of(const std::map<std::string, Pointer>& incidents) {
  std::vector<Pointer> values;
  values.reserve(incidents.size());
  for (const auto& [name, incident] : incidents) values.push_back(incident);
  return values;
}

}  // namespace

void IncidentIndex::put(Pointer incident) {
  const std::string& name = incident->name;
  erase(name);
  const IncidentSpec& spec = incident->spec;
  by_target_[spec.target.uid][name] = incident;
  by_owner_[spec.owner.uid][name] = incident;
  by_namespace_[spec.target.name_space][name] = incident;
  all_[name] = incident;
}

void IncidentIndex::erase(const std::string& name) {
  const auto known = all_.find(name);
  if (known == all_.end()) return;
  const Pointer incident = known->second;
  const auto drop = [&](ByKey& index, const std::string& key) {
    const auto entry = index.find(key);
    entry->second.erase(incident->name);
    if (entry->second.empty()) index.erase(entry);
  };
  drop(by_target_, incident->spec.target.uid);
  drop(by_owner_, incident->spec.owner.uid);
  drop(by_namespace_, incident->spec.target.name_space);
  all_.erase(known);
}

Pointer IncidentIndex::find(const std::string& name) const {
  const auto known = all_.find(name);
  return known == all_.end() ? nullptr : known->second;
}

std::vector<Pointer> IncidentIndex::of_target(const std::string& uid) const {
  std::vector<Pointer> generations = list(by_target_, uid);
  // A longer number is a higher one.
  std::stable_sort(generations.begin(), generations.end(),
                   [](const Pointer& a, const Pointer& b) { return a->name.size() < b->name.size(); });
  return generations;
}

std::vector<Pointer> IncidentIndex::list() const {
  return values_of(all_);
}

std::vector<Pointer> IncidentIndex::list(const ByKey& index, const std::string& key) {
  const auto found = index.find(key);
  return found == index.end() ? std::vector<Pointer>() : values_of(found->second);
}

}  // namespace kintsugi::incidents
