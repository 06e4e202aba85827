// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "incidents/store.h"

namespace kintsugi::host {

/// An IncidentStore for tests: in memory, compare-and-set by a version that counts all writes. Thread-safe.
class MemoryStore final : public incidents::IncidentStore {
 public:
  MemoryStore();
  ~MemoryStore() override;

  Result<Incident> create(const Incident& incident, std::chrono::milliseconds timeout) override;
  Result<Incident> get(const std::string& name) override;
  Result<Incident> update_status(const Incident& incident) override;
  /// Writes what a person decides: `spec.hold`, `spec.approvals` and `spec.release`.
  Result<Incident> update_decisions(const Incident& incident);
  Result<void> hold_finalizer(const Incident& incident) override;
  Result<void> release_finalizer(const Incident& incident) override;
  Result<void> remove(const Incident& incident) override;
  Pointer cached(const std::string& name) const override;
  std::vector<Pointer> of_target(const std::string& uid) const override;
  std::vector<Pointer> of_owner(const std::string& uid) const override;
  std::vector<Pointer> of_namespace(const std::string& name_space) const override;
  std::vector<Pointer> list() const override;
  void subscribe(std::function<void(const std::string& name)> changed) override;

 private:
  void put(Incident& incident);
  Result<Incident> change(const Incident& incident, const std::function<void(Incident&)>& edit);
  std::vector<Pointer> select(const std::function<bool(const Incident&)>& wanted) const;
  void notify(const std::string& name) const;

  mutable std::mutex mutex_;  ///< guards what follows
  std::uint64_t version_ = 0;
  std::map<std::string, Pointer> incidents_;
  std::vector<std::function<void(const std::string&)>> subscribers_;
};

}  // namespace kintsugi::host
