// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "targets/libvirt/domain.h"
#include "targets/libvirt/hypervisor.h"

namespace kintsugi::host {

/// A domain with its definition: the persistent one, because the other may be anybody's doing; of a transient
/// domain the live one.
struct KnownDomain {
  targets::Domain domain;
  bool is_active = false;
};

/// The domains of this host, read anew after each change and every few seconds. Thread-safe.
class DomainInventory {
 public:
  using Domains = std::shared_ptr<const std::vector<KnownDomain>>;

  /// References must outlive the inventory.
  DomainInventory(targets::Hypervisor& hypervisor, const Clock& clock)
      : hypervisor_(hypervisor), clock_(clock) {}

  /// Those of now, or of a few seconds ago where nothing has happened since. A domain whose definition cannot
  /// be read is not among them.
  Result<Domains> domains();
  /// What is known is not to be relied on any more.
  void forget();
  /// Without I/O: as it was when last looked; nothing where it was not there.
  std::optional<KnownDomain> known(const std::string& uuid) const;

 private:
  Domains trusted();
  Result<Domains> read_all();
  Result<std::vector<KnownDomain>> list();
  Result<std::optional<KnownDomain>> read(const targets::DomainSummary& summary);

  targets::Hypervisor& hypervisor_;
  const Clock& clock_;
  std::mutex reading_;  ///< held while they are read: who may not rely on what is known waits for that
  mutable std::mutex mutex_;
  Domains domains_;                   ///< guarded; null: not read yet
  std::uint64_t changes_ = 0;         ///< guarded; so far
  std::uint64_t read_at_change_ = 0;  ///< guarded; of them when the reading of `domains_` began
  bool is_being_read_ = false;        ///< guarded
  MonotonicTime read_at_{};           ///< guarded
};

}  // namespace kintsugi::host
