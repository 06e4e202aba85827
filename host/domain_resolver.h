// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/target_resolver.h"
#include "host/address_leases.h"
#include "host/domain_inventory.h"

namespace kintsugi::host {

inline constexpr char kDomainKind[] = "Domain";
/// What incidents of a host have for a namespace, which it has none of.
inline constexpr char kHostNamespace[] = "host";

/// As the target of an incident.
TargetRef target_of(const targets::Domain& domain);

/// Finds the domain of a signal: by UUID, else by name, else by the MAC address of a network card, else by
/// the guest's address. That one counts only where the administrator has named it in the domain's terms, or a
/// DHCP server of the host's has given it: what guests say of themselves would let one guest have another
/// isolated.
class DomainResolver final : public controller::TargetResolver {
 public:
  /// References must outlive the resolver.
  DomainResolver(DomainInventory& inventory, AddressLeases& leases)
      : inventory_(inventory), leases_(leases) {}

  std::optional<controller::IntakeResult> refuse_early(const Signal& signal) const override;
  Result<std::variant<controller::Victim, controller::IntakeResult>> resolve(
      const Signal& signal) const override;

 private:
  DomainInventory& inventory_;
  AddressLeases& leases_;
};

}  // namespace kintsugi::host
