// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "controller/collection.h"
#include "evidence/store.h"
#include "metrics/registry.h"
#include "model/incident.h"
#include "model/playbook.h"
#include "targets/libvirt/hypervisor.h"

namespace kintsugi::host {

/// A disk is hashed up to this size, as far as the deadline allows.
inline constexpr std::uint64_t kMaxHashedDiskBytes = 8ull << 30;

inline constexpr controller::CollectionWords kDomainWords{
    "DefinitionMissing", "the domain's definition could not be kept",
    "the evidence directory does not last: choose one on a disk"};

/// Takes evidence of a libvirt domain: its definition, what the guest says of itself, its screen, its memory,
/// and which files its disks are. What comes out of the guest was written by an attacker: it is bounded,
/// hashed and kept as bytes, never interpreted. Thread-safe.
class DomainEvidence {
 public:
  /// `store` may be null: then there is nowhere to keep anything, and collect() says so. References must
  /// outlive this object.
  DomainEvidence(evidence::Store* store, targets::Hypervisor& hypervisor, metrics::Registry& metrics,
                 const Clock& clock);

  /// Asks the guest's agent what it has to say, once in the life of this process, so that nobody needs the
  /// agent's channel after. Where the host is away it was not asked. What comes of it is for collect().
  void ask_guest(const Incident& incident, std::stop_token stop);
  bool has_asked_guest(const std::string& incident) const;

  /// Runs every collector that the step asks for until `deadline`; one that fails is recorded and delays no
  /// other. Where the host was away, and attempts are left, that is the result, and what was had is kept for
  /// the next. The definition is taken also after it, and a dump that has begun is finished where the host
  /// cannot end it. What a process before a crash has kept is not taken again.
  Result<controller::Collected> collect(const Incident& incident, const CollectStep& step,
                                        MonotonicTime deadline, std::stop_token stop);

  controller::CollectionResults& results() { return results_; }
  /// The incident is over.
  void forget(const std::string& incident);

 private:
  class Session;

  /// What is wrong with the guest's answer, which is in the store otherwise.
  Result<void> take_guest(const Incident& incident, const std::stop_token& stop);
  Result<void> guest_answer(const std::string& incident) const;

  evidence::Store* const store_;
  targets::Hypervisor& hypervisor_;
  metrics::Registry& metrics_;
  const Clock& clock_;
  controller::CollectionResults results_;
  mutable std::mutex mutex_;
  /// Guarded; by incident.
  std::map<std::string, Result<void>> guests_asked_;
};

}  // namespace kintsugi::host
