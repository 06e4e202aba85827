// SPDX-License-Identifier: Apache-2.0
//
// Beginning and end of a domain's process.
#include "targets/libvirt/libvirt_connection.h"

namespace kintsugi::targets {

Result<void> LibvirtHypervisor::destroy(const std::string& uuid) {
  return with_domain(uuid, [&](virDomainPtr domain) {
    return checked(virDomainDestroyFlags(domain, VIR_DOMAIN_DESTROY_DEFAULT), domain_object(uuid));
  });
}

Result<void> LibvirtHypervisor::start(const std::string& uuid) {
  constexpr unsigned kAnew = VIR_DOMAIN_START_FORCE_BOOT | VIR_DOMAIN_START_RESET_NVRAM;
  return with_domain(uuid, [&](virDomainPtr domain) {
    return checked(virDomainCreateWithFlags(domain, kAnew), domain_object(uuid));
  });
}

}  // namespace kintsugi::targets
