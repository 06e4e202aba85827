// SPDX-License-Identifier: Apache-2.0
//
// What the host's networks know of their guests.
#include "base/escape.h"
#include "base/machine_name.h"
#include "targets/libvirt/libvirt_connection.h"

namespace kintsugi::targets {
namespace {

using LibvirtNetwork = std::unique_ptr<virNetwork, int (*)(virNetworkPtr)>;

/// Nothing for what is no lease of a network card: those of DHCPv6 need not have its address.
std::optional<DhcpLease> read_lease(const virNetworkDHCPLease& lease) {
  auto mac = normal_mac(lease.mac == nullptr ? "" : lease.mac);
  auto address = normal_address(lease.ipaddr == nullptr ? "" : lease.ipaddr);
  if (!mac || !address) return std::nullopt;
  return DhcpLease{*std::move(mac), *std::move(address)};
}

}  // namespace

Result<std::vector<DhcpLease>> LibvirtHypervisor::leases(const std::string& network) {
  const std::string object = "network " + escape(network, 64);
  const auto connected = connection();
  if (!connected) return fail(connected.error());
  const LibvirtNetwork found(virNetworkLookupByName((*connected)->get(), network.c_str()), &virNetworkFree);
  if (found == nullptr) return fail(libvirt_error(object));
  virNetworkDHCPLeasePtr* given = nullptr;
  const int count = virNetworkGetDHCPLeases(found.get(), nullptr, &given, 0);
  if (count < 0) return fail(libvirt_error(object));
  std::vector<DhcpLease> leases;
  for (int i = 0; i < count; ++i) {
    if (auto lease = read_lease(*given[i])) leases.push_back(*std::move(lease));
    virNetworkDHCPLeaseFree(given[i]);
  }
  std::free(static_cast<void*>(given));
  if (leases.size() > kMaxLeases)
    return fail(make_error(ErrorCode::kTooLarge, "more than 65536 leases").on(object));
  return leases;
}

}  // namespace kintsugi::targets
