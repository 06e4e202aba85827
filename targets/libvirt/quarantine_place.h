// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "targets/libvirt/domain.h"
#include "targets/libvirt/quarantine_filter.h"

namespace kintsugi::targets {

/// Where the network cards of an isolated domain are, and behind which filter. Their links are down, unless
/// the place is open: then they are up where card and filter are as they must be.
struct QuarantinePlace {
  QuarantineTerms network;  ///< of no kind: they stay where they are
  QuarantineFilter filter = closed_filter();
  bool is_open = false;  ///< there is somebody who may reach the guest
  std::string visitors;  ///< for people: who that is
};

/// What the administrator says of the domain, with the exceptions of that profile; no profile: none.
QuarantinePlace quarantine_place(const Domain& domain, std::string_view profile);

/// Whether libvirt can connect a running domain's network card to another bridge.
bool is_movable(const DomainInterface& interface);

/// Whether the network card may have its link up: it is in the open place, behind its filter as it is meant.
bool is_visitable(const DomainInterface& interface, const QuarantinePlace& place);

}  // namespace kintsugi::targets
