// SPDX-License-Identifier: Apache-2.0
//
// The nwfilters of network cards in quarantine (https://libvirt.org/formatnwfilter.html): on the host's side,
// where the guest cannot reach them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "targets/libvirt/domain_terms.h"

namespace kintsugi::targets {

/// Nothing passes, neither IP nor ARP nor anything else.
inline constexpr char kQuarantineFilter[] = "kintsugi-quarantine";

struct QuarantineFilter {
  std::string name;
  std::string definition;
};

/// The filter above, which all domains share.
QuarantineFilter closed_filter();

/// A domain's own: those who are excepted may open TCP connections to the guest at its `addresses`. All else
/// is dropped: what has another sender's MAC or IP address, ARP and IPv6 neighbour discovery beyond what
/// these connections need, router advertisements, DHCP, every other protocol.
QuarantineFilter forensic_filter(const std::string& uuid, std::span<const std::string> addresses,
                                 std::span<const ForensicException> exceptions);
/// Its name.
std::string forensic_filter_name(const std::string& uuid);

/// The definition that mends what the host has under the filter's name, if anything. Nothing: that is as it
/// must be.
std::optional<std::string> mended_filter(const std::optional<std::string>& present,
                                         const QuarantineFilter& wanted);

}  // namespace kintsugi::targets
