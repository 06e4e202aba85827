// SPDX-License-Identifier: Apache-2.0
//
// What the host knows of its guests' networks: addresses that it has given, and packets that it has counted.
#include <fmt/format.h>

#include "base/escape.h"
#include "base/machine_name.h"
#include "targets/libvirt/domain.h"
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

struct StatisticsDeleter {
  void operator()(virDomainStatsRecordPtr* records) const { virDomainStatsRecordListFree(records); }
};
using Statistics = std::unique_ptr<virDomainStatsRecordPtr, StatisticsDeleter>;

/// The n-th network card's; nothing where the host has none of it.
std::optional<CardTraffic> read_traffic(const virDomainStatsRecord& record, unsigned n) {
  const char* tap = nullptr;
  unsigned long long sent = 0;
  const std::string card = fmt::format("net.{}", n);
  if (virTypedParamsGetString(record.params, record.nparams, (card + ".name").c_str(), &tap) != 1 ||
      virTypedParamsGetULLong(record.params, record.nparams, (card + ".tx.pkts").c_str(), &sent) != 1)
    return std::nullopt;
  return CardTraffic{tap, sent};
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

Result<std::vector<CardTraffic>> LibvirtHypervisor::card_traffic(const std::string& uuid) {
  return with_domain(uuid, [&](virDomainPtr domain) -> Result<std::vector<CardTraffic>> {
    std::array<virDomainPtr, 2> wanted{domain, nullptr};
    virDomainStatsRecordPtr* found = nullptr;
    const int count = virDomainListGetStats(
        wanted.data(), VIR_DOMAIN_STATS_INTERFACE, &found,
        VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT | VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS);
    if (count < 0) return fail(libvirt_error(domain_object(uuid)));
    const Statistics records(found);
    std::vector<CardTraffic> traffic;
    unsigned cards = 0;
    if (count == 0 ||
        virTypedParamsGetUInt(records.get()[0]->params, records.get()[0]->nparams, "net.count", &cards) != 1)
      return traffic;
    for (unsigned n = 0; n < cards && n < kMaxDomainDevices; ++n) {
      if (auto card = read_traffic(*records.get()[0], n)) traffic.push_back(*std::move(card));
    }
    return traffic;
  });
}

}  // namespace kintsugi::targets
