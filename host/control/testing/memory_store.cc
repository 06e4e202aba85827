// SPDX-License-Identifier: Apache-2.0
#include "host/control/testing/memory_store.h"

#include <memory>
#include <utility>

namespace kintsugi::host {

MemoryStore::MemoryStore() = default;

MemoryStore::~MemoryStore() = default;

Result<Incident> MemoryStore::create(const Incident& incident, std::chrono::milliseconds) {
  Incident fresh = incident;
  {
    const std::lock_guard lock(mutex_);
    if (incidents_.contains(incident.name)) return fail(ErrorCode::kAlreadyExists, "it exists");
    fresh.uid = "uid-of-" + incident.name + "-" + std::to_string(version_ + 1);
    fresh.generation = 1;
    fresh.status = {};
    put(fresh);
  }
  notify(fresh.name);
  return fresh;
}

Result<Incident> MemoryStore::get(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = incidents_.find(name);
  if (found == incidents_.end()) return fail(ErrorCode::kNotFound, "no such incident");
  return *found->second;
}

Result<Incident> MemoryStore::update_status(const Incident& incident) {
  return change(incident, [&](Incident& stored) { stored.status = incident.status; });
}

Result<Incident> MemoryStore::update_decisions(const Incident& incident) {
  return change(incident, [&](Incident& stored) {
    stored.spec.hold = incident.spec.hold;
    stored.spec.approvals = incident.spec.approvals;
    stored.spec.release = incident.spec.release;
    ++stored.generation;
  });
}

Result<void> MemoryStore::hold_finalizer(const Incident&) {
  return {};
}
Result<void> MemoryStore::release_finalizer(const Incident&) {
  return {};
}

Result<void> MemoryStore::remove(const Incident& incident) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = incidents_.find(incident.name);
    if (found == incidents_.end()) return {};
    if (found->second->resource_version != incident.resource_version)
      return fail(ErrorCode::kConflict, "it changed");
    incidents_.erase(found);
  }
  notify(incident.name);
  return {};
}

MemoryStore::Pointer MemoryStore::cached(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = incidents_.find(name);
  return found == incidents_.end() ? nullptr : found->second;
}

std::vector<MemoryStore::Pointer> MemoryStore::of_target(const std::string& target_uid) const {
  return select([&](const Incident& one) { return one.spec.target.uid == target_uid; });
}

std::vector<MemoryStore::Pointer> MemoryStore::of_owner(const std::string& owner_uid) const {
  return select([&](const Incident& one) { return one.spec.owner.uid == owner_uid; });
}

std::vector<MemoryStore::Pointer> MemoryStore::of_namespace(const std::string& name_space) const {
  return select([&](const Incident& one) { return one.spec.target.name_space == name_space; });
}

std::vector<MemoryStore::Pointer> MemoryStore::list() const {
  return select([](const Incident&) { return true; });
}

void MemoryStore::subscribe(std::function<void(const std::string& name)> changed) {
  const std::lock_guard lock(mutex_);
  subscribers_.push_back(std::move(changed));
}

void MemoryStore::put(Incident& incident) {
  incident.resource_version = std::to_string(++version_);
  incidents_[incident.name] = std::make_shared<const Incident>(incident);
}

Result<Incident> MemoryStore::change(const Incident& incident, const std::function<void(Incident&)>& edit) {
  Incident changed;
  {
    const std::lock_guard lock(mutex_);
    const auto found = incidents_.find(incident.name);
    if (found == incidents_.end()) return fail(ErrorCode::kNotFound, "no such incident");
    if (found->second->resource_version != incident.resource_version)
      return fail(ErrorCode::kConflict, "it changed");
    changed = *found->second;
    edit(changed);
    put(changed);
  }
  notify(changed.name);
  return changed;
}

std::vector<MemoryStore::Pointer> MemoryStore::select(
    const std::function<bool(const Incident&)>& wanted) const {
  const std::lock_guard lock(mutex_);
  std::vector<Pointer> chosen;
  for (const auto& [name, incident] : incidents_)
    if (wanted(*incident)) chosen.push_back(incident);
  return chosen;
}

void MemoryStore::notify(const std::string& name) const {
  std::vector<std::function<void(const std::string&)>> subscribers;
  {
    const std::lock_guard lock(mutex_);
    subscribers = subscribers_;
  }
  for (const auto& changed : subscribers) changed(name);
}

}  // namespace kintsugi::host
