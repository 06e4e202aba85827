// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain_target.h"

namespace kintsugi::targets {

Result<void> DomainTarget::lower_again(const std::string& uuid, const std::vector<std::string>& macs) const {
  const auto before = hypervisor_.live_definition(uuid);
  if (!before) return fail(before.error());
  const auto unfiltered = plan_lowering(*before, macs);
  if (!unfiltered) return fail(unfiltered.error());
  if (ensure_filter(closed_filter())) {
    for (const LoweredLink& link : *unfiltered) {
      // One that cannot have it is up as it is, and is to go down all the same.
      if (!link.filtered.empty()) (void)hypervisor_.update_device(uuid, link.filtered);
    }
  }
  const auto live = hypervisor_.live_definition(uuid);
  if (!live) return fail(live.error());
  const auto plan = plan_lowering(*live, macs);
  if (!plan) return fail(plan.error());
  for (const LoweredLink& link : *plan) {
    if (auto raised = hypervisor_.update_device(uuid, link.raised); !raised) return raised;
    if (auto lowered = hypervisor_.update_device(uuid, link.lowered); !lowered) return lowered;
  }
  return {};
}

}  // namespace kintsugi::targets
