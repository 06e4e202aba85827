// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/card_traffic.h"

#include <algorithm>
#include <iterator>

namespace kintsugi::targets {
namespace {

/// Whether the count is that of the card that was counted before.
bool continues(const CountedCards& before, const DomainInterface& card, const CardTraffic& now) {
  const auto known = before.find(card.tap);
  return known != before.end() && known->second.mac == card.mac && now.sent_packets >= known->second.first;
}

CountedCard count_again(CountedCard card, const CardTraffic& now) {
  if (card.since == 0) card.since = now.sent_packets - card.first;
  return card;
}

}  // namespace

std::vector<CountedCard> TrafficCheck::loud() const {
  std::vector<CountedCard> cards;
  for (const auto& [tap, card] : counted) {
    if (card.since > 0) cards.push_back(card);
  }
  return cards;
}

std::vector<DomainInterface> closed_cards(const Domain& live) {
  std::vector<DomainInterface> closed;
  std::copy_if(live.interfaces.begin(), live.interfaces.end(), std::back_inserter(closed),
               [](const DomainInterface& card) { return card.has_link() && card.link == LinkState::kDown; });
  return closed;
}

TrafficCheck check_traffic(const std::vector<DomainInterface>& closed, const std::vector<CardTraffic>& now,
                           const CountedCards& before) {
  TrafficCheck check;
  check.is_compared = true;
  for (const DomainInterface& card : closed) {
    const auto traffic =
        std::find_if(now.begin(), now.end(), [&](const CardTraffic& one) { return one.tap == card.tap; });
    // That of a switch in user space comes seconds late.
    const bool is_late = card.type == "vhostuser";
    if (card.tap.empty() || traffic == now.end() || is_late) {
      check.uncounted.push_back(card.mac);
    } else if (continues(before, card, *traffic)) {
      check.counted.emplace(card.tap, count_again(before.at(card.tap), *traffic));
    } else {
      check.counted.emplace(card.tap, CountedCard{card.mac, traffic->sent_packets, 0});
      check.is_compared = false;
    }
  }
  return check;
}

}  // namespace kintsugi::targets
