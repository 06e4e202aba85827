// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "incidents/store.h"
#include "k8s-client/client/client.h"

namespace kintsugi::incidents {

/// Incidents as custom resources of one namespace: the API server decides who creates a name first. Keeps a
/// cache by a watch, and over it what this process wrote last, until the watch has caught up (K6.3).
class KubernetesIncidentStore final : public IncidentStore {
 public:
  /// All references must outlive the store. `jitter` differs from process to process.
  KubernetesIncidentStore(k8s::Client& client, std::string name_space, const Clock& clock, Logger& log,
                          std::uint64_t jitter = 0);
  ~KubernetesIncidentStore() override;

  /// Follows the collection on the calling thread until stop is requested. Once.
  void run(std::stop_token stop);
  /// Blocks until the first listing is in the cache.
  Result<void> wait_for_sync(MonotonicTime deadline, std::stop_token stop) const;

  Result<Incident> create(const Incident& incident, std::chrono::milliseconds timeout) override;
  Result<Incident> get(const std::string& name) override;
  Result<Incident> update_status(const Incident& incident) override;
  Result<void> hold_finalizer(const Incident& incident) override;
  Result<void> release_finalizer(const Incident& incident) override;
  Result<void> remove(const Incident& incident) override;
  Pointer cached(const std::string& name) const override;
  std::vector<Pointer> of_target(const std::string& target_uid) const override;
  std::vector<Pointer> of_owner(const std::string& owner_uid) const override;
  std::vector<Pointer> of_namespace(const std::string& name_space) const override;
  std::vector<Pointer> list() const override;
  void subscribe(std::function<void(const std::string& name)> changed) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kintsugi::incidents
