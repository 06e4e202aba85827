// SPDX-License-Identifier: Apache-2.0
#include "host/address_leases.h"

#include <algorithm>

namespace kintsugi::host {
namespace {

using targets::DhcpLease;
using targets::Domain;
using targets::DomainInterface;

/// However many signals come, the host is asked no more often.
constexpr std::chrono::seconds kTrusted{1};

bool is_by_lease(const DomainInterface& card) {
  return card.type == "network" && !card.source.empty() && !card.mac.empty();
}

std::set<std::string> networks_of(const std::vector<KnownDomain>& domains) {
  std::set<std::string> networks;
  for (const KnownDomain& known : domains) {
    if (!known.domain.terms.addresses.empty()) continue;
    for (const DomainInterface& card : known.domain.interfaces) {
      if (is_by_lease(card)) networks.insert(card.source);
    }
  }
  return networks;
}

bool is_version_6(const std::string& address) {
  return address.find(':') != std::string::npos;
}

bool has_lease(const std::vector<DhcpLease>& leases, const std::string& mac, const std::string& address) {
  return std::find(leases.begin(), leases.end(), DhcpLease{mac, address}) != leases.end();
}

bool has_another(const std::vector<DhcpLease>& leases, const std::string& mac, const std::string& address) {
  return std::any_of(leases.begin(), leases.end(), [&](const DhcpLease& lease) {
    return lease.mac == mac && lease.address != address &&
           is_version_6(lease.address) == is_version_6(address);
  });
}

/// What is no reason to know nothing of the other networks.
bool means_no_leases(ErrorCode code) {
  return code == ErrorCode::kNotFound || code == ErrorCode::kConflict || code == ErrorCode::kUnsupported;
}

}  // namespace

Result<AddressLeases::Leases> AddressLeases::read(const std::set<std::string>& networks) {
  if (networks.size() > kMaxNetworks)
    return fail(ErrorCode::kTooLarge, "the domains are in more than 64 networks");
  std::lock_guard lock(mutex_);
  const bool is_fresh = clock_.monotonic() < known_until_;
  const bool is_whole = std::all_of(networks.begin(), networks.end(),
                                    [&](const std::string& network) { return known_.contains(network); });
  if (is_fresh && is_whole) return known_;
  Leases read;
  for (const std::string& network : networks) {
    auto leases = hypervisor_.leases(network);
    if (!leases && !means_no_leases(leases.error().code)) return fail(std::move(leases).error());
    read[network] = leases ? *std::move(leases) : std::vector<DhcpLease>();
  }
  known_ = std::move(read);
  known_until_ = clock_.monotonic() + kTrusted;
  return known_;
}

Result<AddressHolders> AddressLeases::holders(const std::vector<KnownDomain>& domains,
                                              const std::string& address) {
  const auto leases = read(networks_of(domains));
  if (!leases) return fail(leases.error());
  AddressHolders holders;
  for (const KnownDomain& known : domains) {
    if (!known.domain.terms.addresses.empty()) continue;
    bool has_it = false;
    for (const DomainInterface& card : known.domain.interfaces) {
      if (!is_by_lease(card)) continue;
      const auto given = leases->find(card.source);
      if (given == leases->end() || !has_lease(given->second, card.mac, address)) continue;
      has_it = true;
      holders.is_disputed = holders.is_disputed || has_another(given->second, card.mac, address);
    }
    if (has_it) holders.domains.push_back(&known.domain);
  }
  return holders;
}

}  // namespace kintsugi::host
