// SPDX-License-Identifier: Apache-2.0
//
// Beginning and end of a domain's process.
#include "targets/libvirt/libvirt_connection.h"

namespace kintsugi::targets {
namespace {

std::string of(const std::string& uuid) {
  return "domain " + uuid;
}

}  // namespace

Result<void> LibvirtHypervisor::destroy(const std::string& uuid) {
  const auto connected = connection();
  if (!connected) return fail(connected.error());
  const auto domain = (*connected)->domain(uuid);
  if (!domain) return fail(domain.error());
  return checked(virDomainDestroyFlags(domain->get(), VIR_DOMAIN_DESTROY_DEFAULT), of(uuid));
}

Result<void> LibvirtHypervisor::start(const std::string& uuid) {
  const auto connected = connection();
  if (!connected) return fail(connected.error());
  const auto domain = (*connected)->domain(uuid);
  if (!domain) return fail(domain.error());
  constexpr unsigned kAnew = VIR_DOMAIN_START_FORCE_BOOT | VIR_DOMAIN_START_RESET_NVRAM;
  return checked(virDomainCreateWithFlags(domain->get(), kAnew), of(uuid));
}

}  // namespace kintsugi::targets
