// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/quarantine_place.h"

#include <fmt/format.h>

#include <algorithm>

namespace kintsugi::targets {
namespace {

bool is_v6(const std::string& address) {
  return address.find(':') != std::string::npos;
}

std::string shown(const ForensicException& exception) {
  const std::string from = exception.from.to_string();
  return exception.port == 0 ? from : fmt::format("{} (TCP port {})", from, exception.port);
}

}  // namespace

QuarantinePlace quarantine_place(const Domain& domain, std::string_view profile) {
  QuarantinePlace place;
  if (!domain.terms.quarantine) return place;
  place.network = *domain.terms.quarantine;
  const auto& addresses = domain.terms.addresses;
  std::vector<ForensicException> exceptions;
  for (const ForensicException& exception : domain.terms.forensics) {
    const bool has_address = std::any_of(addresses.begin(), addresses.end(), [&](const std::string& address) {
      return is_v6(address) == exception.from.is_v6;
    });
    if (profile.empty() || exception.profile != profile || !has_address) continue;
    exceptions.push_back(exception);
    place.visitors += (place.visitors.empty() ? "" : ", ") + shown(exception);
  }
  if (exceptions.empty()) return place;
  place.is_open = true;
  place.filter = forensic_filter(domain.uuid, addresses, exceptions);
  return place;
}

bool is_movable(const DomainInterface& interface) {
  return (interface.type == "bridge" || interface.type == "network") && !interface.has_port_profile;
}

bool is_visitable(const DomainInterface& interface, const QuarantinePlace& place) {
  if (!place.is_open || interface.filter != place.filter.name || interface.has_filter_parameters)
    return false;
  if (place.network.kind == QuarantineTerms::Kind::kNetwork) return interface.network == place.network.name;
  return interface.network.empty() && interface.type == "bridge" && interface.source == place.network.name;
}

}  // namespace kintsugi::targets
