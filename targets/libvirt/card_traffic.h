// SPDX-License-Identifier: Apache-2.0
//
// Whether links that are down for libvirt are down: by what the host counts on its side of each network card.
// libvirt's definition does not show a link that somebody has raised at QEMU itself. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "targets/libvirt/domain.h"
#include "targets/libvirt/hypervisor.h"

namespace kintsugi::targets {

/// A network card through which nothing may come, as it was counted.
struct CountedCard {
  std::string mac;
  std::uint64_t first = 0;  ///< packets that the guest had sent when it was counted first
  std::uint64_t since = 0;  ///< and since then, as far as somebody was told: the first rise counts
  bool operator==(const CountedCard&) const = default;
};

/// By the host's side of each.
using CountedCards = std::map<std::string, CountedCard>;

struct TrafficCheck {
  CountedCards counted;                ///< what the next check starts from
  std::vector<std::string> uncounted;  ///< MAC addresses of cards that the host cannot count
  bool is_compared = false;            ///< each card that was counted had been counted before

  /// Those through which the guest has sent.
  std::vector<CountedCard> loud() const;
};

/// The running domain's network cards whose links are down for libvirt. A card in an open quarantine is none:
/// its answers to who may visit it reach the host.
std::vector<DomainInterface> closed_cards(const Domain& live);

/// What was counted of the cards now, against what was before. A card that was not counted before, or whose
/// count went back because it was plugged in anew, is counted from here on. What was heard once is not
/// forgotten when it is quiet again.
TrafficCheck check_traffic(const std::vector<DomainInterface>& closed, const std::vector<CardTraffic>& now,
                           const CountedCards& before);

}  // namespace kintsugi::targets
