// SPDX-License-Identifier: Apache-2.0
#include "host/address_leases.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "targets/libvirt/testing/fake_hypervisor.h"

namespace kintsugi::host {
namespace {

using targets::DhcpLease;

class Networks final : public targets::testing::FakeHypervisor {
 public:
  Networks() : FakeHypervisor("", "") {}

  Result<std::vector<DhcpLease>> leases(const std::string& network) override {
    ++lookups;
    if (is_busy) return fail(ErrorCode::kTimeout, "it is busy");
    return FakeHypervisor::leases(network);
  }

  int lookups = 0;
};

struct World {
  Networks networks;
  ManualClock clock;
  AddressLeases leases{networks, clock};
  std::vector<KnownDomain> domains;

  void add(const std::string& name, const std::string& type, const std::string& network,
           const std::string& mac) {
    KnownDomain known;
    known.domain.name = name;
    known.domain.interfaces = {{mac, type, network, "", targets::LinkState::kUp, ""}};
    domains.push_back(known);
  }
  /// Names, and whether it is disputed.
  std::string who(const std::string& address) {
    const auto holders = leases.holders(domains, address);
    if (!holders) return std::string(to_string(holders.error().code));
    std::string names = holders->is_disputed ? "?" : "";
    for (const targets::Domain* domain : holders->domains) names += domain->name + " ";
    return names;
  }
};

}  // namespace

TEST_CASE("only cards in a network of libvirt's have addresses by its leases") {
  World world;
  world.networks.networks["br0"] = {{"52:54:00:77:00:01", "192.0.2.1"}};
  world.networks.networks["lan"] = {{"52:54:00:77:00:02", "192.0.2.2"}, {"", "192.0.2.3"}};
  world.add("bridged", "bridge", "br0", "52:54:00:77:00:01");
  world.add("networked", "network", "lan", "52:54:00:77:00:02");
  world.add("nameless", "network", "lan", "");
  CHECK(world.who("192.0.2.1").empty());
  CHECK(world.who("192.0.2.2") == "networked ");
  CHECK(world.who("192.0.2.3").empty());
  CHECK(world.networks.lookups == 1);  // "br0" is no network of libvirt's, and is not asked for
}

TEST_CASE("the same card in two domains makes an address that of both") {
  World world;
  world.networks.networks["lan"] = {{"52:54:00:77:00:02", "192.0.2.2"}};
  world.add("one", "network", "lan", "52:54:00:77:00:02");
  world.add("clone", "network", "lan", "52:54:00:77:00:02");
  CHECK(world.who("192.0.2.2") == "one clone ");
}

TEST_CASE("a card may have an address of each kind, and not two of one") {
  World world;
  world.networks.networks["lan"] = {{"52:54:00:77:00:02", "192.0.2.2"}, {"52:54:00:77:00:02", "2001:db8::2"}};
  world.add("one", "network", "lan", "52:54:00:77:00:02");
  CHECK(world.who("2001:db8::2") == "one ");
  CHECK(world.who("192.0.2.2") == "one ");
  world.networks.networks["lan"].push_back({"52:54:00:77:00:02", "2001:db8::3"});
  world.clock.advance(std::chrono::seconds(2));
  CHECK(world.who("2001:db8::2") == "?one ");
  CHECK(world.who("192.0.2.2") == "one ");
}

TEST_CASE("however many signals come, each network is asked once a second") {
  World world;
  world.networks.networks["lan"] = {{"52:54:00:77:00:02", "192.0.2.2"}};
  world.add("one", "network", "lan", "52:54:00:77:00:02");
  for (int i = 0; i < 100; ++i) CHECK(world.who(fmt::format("192.0.2.{}", i)) == (i == 2 ? "one " : ""));
  CHECK(world.networks.lookups == 1);
  world.networks.networks["lan"] = {{"52:54:00:77:00:02", "192.0.2.9"}};
  world.clock.advance(std::chrono::seconds(1));
  CHECK(world.who("192.0.2.9") == "one ");
  CHECK(world.networks.lookups == 2);
  world.networks.networks["new"] = {{"52:54:00:77:00:03", "192.0.2.30"}};
  world.add("two", "network", "new", "52:54:00:77:00:03");
  CHECK(world.who("192.0.2.30") == "two ");  // not known yet: both are asked
  CHECK(world.networks.lookups == 4);
}

TEST_CASE("a network that cannot be asked is an error, and not remembered") {
  World world;
  world.networks.networks["lan"] = {{"52:54:00:77:00:02", "192.0.2.2"}};
  world.add("one", "network", "lan", "52:54:00:77:00:02");
  world.networks.is_busy = true;
  CHECK(world.who("192.0.2.2") == to_string(ErrorCode::kTimeout));
  world.networks.is_busy = false;
  CHECK(world.who("192.0.2.2") == "one ");
  for (std::size_t i = 0; i < kMaxNetworks; ++i)
    world.add(fmt::format("more{}", i), "network", fmt::format("lan{}", i), "52:54:00:77:00:09");
  CHECK(world.who("192.0.2.2") == to_string(ErrorCode::kTooLarge));
  CHECK(world.networks.lookups == 2);
}

}  // namespace kintsugi::host
