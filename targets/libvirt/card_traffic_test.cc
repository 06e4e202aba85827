// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/card_traffic.h"

#include <catch2/catch.hpp>

namespace kintsugi::targets {
namespace {

using Macs = std::vector<std::string>;

DomainInterface card(const std::string& mac, const std::string& tap, LinkState link = LinkState::kDown,
                     const std::string& type = "bridge") {
  return {mac, type, "production", tap, link, ""};
}

/// One look at a machine, and what comes of it.
struct Look {
  std::string what;
  std::vector<DomainInterface> closed;
  std::vector<CardTraffic> now;
  CountedCards before;
  Macs loud;
  Macs uncounted;
  bool is_compared;
};

const std::vector<Look> kLooks{
    {"no card at all", {}, {}, {}, {}, {}, true},
    {"counted for the first time, whatever it has sent",
     {card("a", "vnet0")},
     {{"vnet0", 27}},
     {},
     {},
     {},
     false},
    {"as many as before", {card("a", "vnet0")}, {{"vnet0", 27}}, {{"vnet0", {"a", 27, 0}}}, {}, {}, true},
    {"one packet more", {card("a", "vnet0")}, {{"vnet0", 28}}, {{"vnet0", {"a", 27, 0}}}, {"a"}, {}, true},
    {"heard before, and quiet now",
     {card("a", "vnet0")},
     {{"vnet0", 28}},
     {{"vnet0", {"a", 27, 1}}},
     {"a"},
     {},
     true},
    {"the count goes back: plugged in anew",
     {card("a", "vnet0")},
     {{"vnet0", 3}},
     {{"vnet0", {"a", 27, 0}}},
     {},
     {},
     false},
    {"heard before, and plugged in anew",
     {card("a", "vnet0")},
     {{"vnet0", 3}},
     {{"vnet0", {"a", 27, 9}}},
     {},
     {},
     false},
    {"another card has got its name",
     {card("b", "vnet0")},
     {{"vnet0", 99}},
     {{"vnet0", {"a", 27, 0}}},
     {},
     {},
     false},
    {"it has got another name",
     {card("a", "vnet1")},
     {{"vnet1", 99}},
     {{"vnet0", {"a", 27, 0}}},
     {},
     {},
     false},
    {"the host cannot count it", {card("a", "vnet0")}, {}, {{"vnet0", {"a", 27, 0}}}, {}, {"a"}, true},
    {"it has no host's side", {card("a", "")}, {{"", 5}, {"vnet0", 5}}, {}, {}, {"a"}, true},
    {"a switch in user space counts it, late",
     {card("a", "vhost0", LinkState::kDown, "vhostuser")},
     {{"vhost0", 99}},
     {{"vhost0", {"a", 27, 0}}},
     {},
     {"a"},
     true},
    {"one of several sends",
     {card("a", "vnet0"), card("b", "vnet1"), card("c", "")},
     {{"vnet1", 8}, {"vnet0", 27}},
     {{"vnet0", {"a", 27, 0}}, {"vnet1", {"b", 7, 0}}},
     {"b"},
     {"c"},
     true},
    {"all of several send",
     {card("a", "vnet0"), card("b", "vnet1")},
     {{"vnet0", 1}, {"vnet1", 8}},
     {{"vnet0", {"a", 0, 0}}, {"vnet1", {"b", 7, 0}}},
     {"a", "b"},
     {},
     true},
    {"one of several is new",
     {card("a", "vnet0"), card("b", "vnet1")},
     {{"vnet0", 27}, {"vnet1", 8}},
     {{"vnet0", {"a", 27, 0}}},
     {},
     {},
     false},
    {"a machine that is not there any more", {card("a", "vnet0")}, {}, {}, {}, {"a"}, true},
    {"cards of others",
     {card("a", "vnet0")},
     {{"vnet0", 27}, {"vnet7", 99}},
     {{"vnet0", {"a", 27, 0}}, {"vnet7", {"z", 1, 0}}},
     {},
     {},
     true},
};

}  // namespace

TEST_CASE("a guest is heard when the host counts more than before, and not when counting begins anew") {
  for (const Look& look : kLooks) {
    INFO(look.what);
    const TrafficCheck check = check_traffic(look.closed, look.now, look.before);
    Macs loud;
    for (const CountedCard& one : check.loud()) loud.push_back(one.mac);
    CHECK(loud == look.loud);
    CHECK(check.uncounted == look.uncounted);
    CHECK(check.is_compared == look.is_compared);
    CHECK(check.counted.size() + check.uncounted.size() == look.closed.size());
  }
}

TEST_CASE("what was heard first is what is told, however much comes later") {
  const std::vector<DomainInterface> closed{card("a", "vnet0")};
  const TrafficCheck first = check_traffic(closed, {{"vnet0", 27}}, {});
  const TrafficCheck second = check_traffic(closed, {{"vnet0", 30}}, first.counted);
  const TrafficCheck third = check_traffic(closed, {{"vnet0", 400}}, second.counted);
  CHECK(second.loud() == std::vector<CountedCard>{{"a", 27, 3}});
  CHECK(third.counted == second.counted);
}

TEST_CASE("only cards whose link libvirt has down are to be silent") {
  Domain live;
  live.interfaces = {card("down", "vnet0"),
                     card("up", "vnet1", LinkState::kUp),
                     card("unset", "vnet2", LinkState::kUnset),
                     card("assigned", "", LinkState::kDown, "hostdev"),
                     card("vdpa", "", LinkState::kDown, "vdpa"),
                     card("user", "", LinkState::kDown, "user")};
  Macs macs;
  for (const DomainInterface& one : closed_cards(live)) macs.push_back(one.mac);
  CHECK(macs == Macs{"down", "user"});
}

}  // namespace kintsugi::targets
