// SPDX-License-Identifier: Apache-2.0
#include "host/domain_resolver.h"

#include <algorithm>
#include <functional>

#include "playbooks/matcher.h"

namespace kintsugi::host {
namespace {

using controller::Disposition;
using controller::IntakeResult;
using controller::Victim;

IntakeResult result(Disposition disposition, std::string message) {
  return {disposition, "", std::move(message)};
}

bool has_mac(const targets::Domain& domain, const std::string& mac) {
  return std::any_of(domain.interfaces.begin(), domain.interfaces.end(),
                     [&](const targets::DomainInterface& interface) { return interface.mac == mac; });
}

bool names_address_alone(const Signal& signal) {
  return signal.domain_uuid.empty() && signal.domain.empty() && signal.mac.empty();
}

bool has_address(const targets::Domain& domain, const std::string& address) {
  const auto& known = domain.terms.addresses;
  return std::find(known.begin(), known.end(), address) != known.end();
}

/// Whether the signal means this domain, by the strongest of what it names.
bool is_meant(const Signal& signal, const targets::Domain& domain) {
  if (!signal.domain_uuid.empty()) return domain.uuid == signal.domain_uuid;
  if (!signal.domain.empty()) return domain.name == signal.domain;
  if (!signal.mac.empty()) return has_mac(domain, signal.mac);
  return has_address(domain, signal.address);
}

std::variant<Victim, IntakeResult> judge(const targets::Domain& domain) {
  if (!domain.terms.is_protected) {
    return result(Disposition::kUnprotected,
                  "the domain's metadata does not say that it is protected (docs/hypervisor.md)");
  }
  Victim victim;
  victim.target = target_of(domain);
  victim.labels = {domain.terms.labels.begin(), domain.terms.labels.end()};
  if (!domain.terms.mode.empty()) victim.mode_cap = playbooks::mode_cap(domain.terms.mode);
  return victim;
}

}  // namespace

TargetRef target_of(const targets::Domain& domain) {
  return {kDomainKind, kHostNamespace, domain.name, domain.uuid};
}

std::optional<IntakeResult> DomainResolver::refuse_early(const Signal& signal) const {
  for (const std::string* name : {&signal.domain_uuid, &signal.domain, &signal.mac, &signal.address}) {
    if (!name->empty()) return std::nullopt;
  }
  return result(Disposition::kNoTarget, "the signal names no virtual machine");
}

Result<std::variant<Victim, IntakeResult>> DomainResolver::resolve(const Signal& signal) const {
  const auto domains = inventory_.domains();
  if (!domains) return fail(domains.error());
  std::vector<const targets::Domain*> meant;
  for (const KnownDomain& known : **domains) {
    if (is_meant(signal, known.domain)) meant.push_back(&known.domain);
  }
  if (names_address_alone(signal)) {
    auto leased = leases_.holders(**domains, signal.address);
    // What the administrator says holds without the host's networks.
    if (!leased && meant.empty()) {
      if (leased.error().retryable) return fail(std::move(leased).error());
      return result(Disposition::kGone, "nobody declares this address, and " + leased.error().to_string());
    }
    if (leased && leased->is_disputed) {
      return result(Disposition::kNotUnique,
                    "the network card that has this address by DHCP has another one as well");
    }
    if (leased) meant.insert(meant.end(), leased->domains.begin(), leased->domains.end());
  }
  if (meant.empty()) return result(Disposition::kGone, "no such domain on this host");
  if (meant.size() > 1) return result(Disposition::kNotUnique, "several domains of this host are meant");
  if (!signal.domain_uuid.empty() && !signal.domain.empty() && meant.front()->name != signal.domain)
    return result(Disposition::kUidMismatch, "the domain of this UUID has another name");
  return judge(*meant.front());
}

}  // namespace kintsugi::host
