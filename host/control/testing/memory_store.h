// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "incidents/store.h"

namespace kintsugi::host {

/// An IncidentStore for tests: in memory, compare-and-set by a version that counts all writes. Thread-safe.
class MemoryStore final : public incidents::IncidentStore {
 public:
  Result<Incident> create(const Incident& incident, std::chrono::milliseconds) override {
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

  Result<Incident> get(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    const auto found = incidents_.find(name);
    if (found == incidents_.end()) return fail(ErrorCode::kNotFound, "no such incident");
    return *found->second;
  }

  Result<Incident> update_status(const Incident& incident) override {
    return change(incident, [&](Incident& stored) { stored.status = incident.status; });
  }
  /// Writes what a person decides: `spec.hold`, `spec.approvals` and `spec.release`.
  Result<Incident> update_decisions(const Incident& incident) {
    return change(incident, [&](Incident& stored) {
      stored.spec.hold = incident.spec.hold;
      stored.spec.approvals = incident.spec.approvals;
      stored.spec.release = incident.spec.release;
      ++stored.generation;
    });
  }
  Result<void> hold_finalizer(const Incident&) override { return {}; }
  Result<void> release_finalizer(const Incident&) override { return {}; }

  Result<void> remove(const Incident& incident) override {
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

  Pointer cached(const std::string& name) const override {
    const std::lock_guard lock(mutex_);
    const auto found = incidents_.find(name);
    return found == incidents_.end() ? nullptr : found->second;
  }
  std::vector<Pointer> of_target(const std::string& target_uid) const override {
    return select([&](const Incident& one) { return one.spec.target.uid == target_uid; });
  }
  std::vector<Pointer> of_owner(const std::string& owner_uid) const override {
    return select([&](const Incident& one) { return one.spec.owner.uid == owner_uid; });
  }
  std::vector<Pointer> of_namespace(const std::string& name_space) const override {
    return select([&](const Incident& one) { return one.spec.target.name_space == name_space; });
  }
  std::vector<Pointer> list() const override {
    return select([](const Incident&) { return true; });
  }
  void subscribe(std::function<void(const std::string& name)> changed) override {
    const std::lock_guard lock(mutex_);
    subscribers_.push_back(std::move(changed));
  }

 private:
  void put(Incident& incident) {
    incident.resource_version = std::to_string(++version_);
    incidents_[incident.name] = std::make_shared<const Incident>(incident);
  }

  Result<Incident> change(const Incident& incident, const std::function<void(Incident&)>& edit) {
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

  std::vector<Pointer> select(const std::function<bool(const Incident&)>& wanted) const {
    const std::lock_guard lock(mutex_);
    std::vector<Pointer> chosen;
    for (const auto& [name, incident] : incidents_)
      if (wanted(*incident)) chosen.push_back(incident);
    return chosen;
  }

  void notify(const std::string& name) const {
    std::vector<std::function<void(const std::string&)>> subscribers;
    {
      const std::lock_guard lock(mutex_);
      subscribers = subscribers_;
    }
    for (const auto& changed : subscribers) changed(name);
  }

  mutable std::mutex mutex_;  ///< guards what follows
  std::uint64_t version_ = 0;
  std::map<std::string, Pointer> incidents_;
  std::vector<std::function<void(const std::string&)>> subscribers_;
};

}  // namespace kintsugi::host
