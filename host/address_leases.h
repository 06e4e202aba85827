// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "host/domain_inventory.h"

namespace kintsugi::host {

/// Networks of one host whose leases are looked at.
inline constexpr std::size_t kMaxNetworks = 64;

struct AddressHolders {
  std::vector<const targets::Domain*> domains;
  /// A network card has that address and another one: only one of them can be its own.
  bool is_disputed = false;
};

/// Which domains have an address by the DHCP leases of libvirt's networks. They are asked for when a signal
/// names an address, and at most once a second. Thread-safe.
///
/// A lease is the host's own record, but a guest may ask for one in another's name. So those of a card with
/// several addresses count for nothing, and a domain whose terms name its addresses has no others. What
/// guests' agents and the host's ARP table say is only what the guests have said themselves: neither is
/// asked.
class AddressLeases {
 public:
  /// References must outlive this object.
  AddressLeases(targets::Hypervisor& hypervisor, const Clock& clock)
      : hypervisor_(hypervisor), clock_(clock) {}

  /// Pointers into `domains`. Errors: kTooLarge for more than kMaxNetworks; the hypervisor's, but for a
  /// network that is not there, or a host that has none.
  Result<AddressHolders> holders(const std::vector<KnownDomain>& domains, const std::string& address);

 private:
  using Leases = std::map<std::string, std::vector<targets::DhcpLease>>;  ///< by network

  Result<Leases> read(const std::set<std::string>& networks);

  targets::Hypervisor& hypervisor_;
  const Clock& clock_;
  std::mutex mutex_;           ///< held while they are read: whoever comes meanwhile has the same answer
  Leases known_;               ///< guarded
  MonotonicTime known_until_;  ///< guarded
};

}  // namespace kintsugi::host
