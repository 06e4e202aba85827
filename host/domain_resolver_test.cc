// SPDX-License-Identifier: Apache-2.0
#include "host/domain_resolver.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>
#include <future>

#include "targets/libvirt/testing/fake_hypervisor.h"

namespace kintsugi::host {
namespace {

using controller::Disposition;
using controller::IntakeResult;
using controller::Victim;

/// A host with the domains web1, web2 and plain, which are alike but for their terms.
class Machines final : public targets::testing::FakeHypervisor {
 public:
  Machines() : FakeHypervisor("", "") {}

  Result<std::vector<targets::DomainSummary>> list() override {
    ++listings;
    if (is_away) return fail(ErrorCode::kUnavailable, "the daemon is away");
    return std::vector<targets::DomainSummary>{
        {"web1", "uuid-1", true}, {"web2", "uuid-2", true}, {"plain", "uuid-3", false}};
  }

  Result<std::vector<targets::DhcpLease>> leases(const std::string& network) override {
    ++lease_lookups;
    if (lease_trouble) return fail(*lease_trouble);
    return FakeHypervisor::leases(network);
  }

  Result<std::string> persistent_definition(const std::string& uuid) override {
    if (const auto own = definitions.find(uuid); own != definitions.end()) return own->second;
    const char number = uuid.back();
    const auto meanwhile = number == '3' ? std::exchange(after_reading, {}) : std::function<void()>();
    if (meanwhile) meanwhile();
    const std::string terms =
        number == '3'
            ? ""
            : fmt::format(
                  "<metadata><k:domain xmlns:k='https://kintsugi.dev/domain/v1' protected='true' mode='{}'>"
                  "<k:label name='app' value='shop'/><k:address value='10.77.0.1{}'/>"
                  "<k:address value='10.77.0.99'/></k:domain></metadata>",
                  mode, number);
    return fmt::format(
        "<domain><name>{}</name><uuid>{}</uuid>{}<devices><interface type='bridge'><mac "
        "address='52:54:00:77:00:1{}'/></interface></devices></domain>",
        number == '3' ? "plain" : fmt::format("web{}", number), uuid, terms, number);
  }

  /// A protected machine with a card in a network of libvirt's, in place of the one with that UUID.
  void put_in_network(const std::string& uuid, const std::string& name, const std::string& network,
                      const std::string& mac, const std::string& terms = "") {
    definitions[uuid] = fmt::format(
        "<domain><name>{}</name><uuid>{}</uuid><metadata><k:domain xmlns:k='https://kintsugi.dev/domain/v1' "
        "protected='true'>{}</k:domain></metadata><devices><interface type='network'><mac address='{}'/>"
        "<source network='{}'/></interface></devices></domain>",
        name, uuid, terms, mac, network);
  }

  std::map<std::string, std::string> definitions;  ///< by UUID, where it is not as the others
  std::optional<Error> lease_trouble;
  int lease_lookups = 0;
  std::function<void()> after_reading;  ///< happens once, when the terms of a reading have been read
  std::string mode;
  bool is_away = false;
  int listings = 0;
};

Signal signal(const std::string& uuid, const std::string& name = "", const std::string& mac = "",
              const std::string& address = "") {
  Signal made;
  made.domain_uuid = uuid;
  made.domain = name;
  made.mac = mac;
  made.address = address;
  return made;
}

struct World {
  Machines machines;
  ManualClock clock;
  DomainInventory inventory{machines, clock};
  AddressLeases leases{machines, clock};
  DomainResolver resolver{inventory, leases};

  /// The victim's name, or the word for what is done instead.
  std::string means(const Signal& signal) {
    if (const auto refused = resolver.refuse_early(signal))
      return std::string(to_string(refused->disposition));
    const auto resolved = resolver.resolve(signal);
    if (!resolved) return "error";
    if (const auto* victim = std::get_if<Victim>(&*resolved)) return victim->target.name;
    return std::string(to_string(std::get<IntakeResult>(*resolved).disposition));
  }

  /// What is permitted about a domain that a signal means.
  Mode cap_of(const std::string& uuid) { return std::get<Victim>(*resolver.resolve(signal(uuid))).mode_cap; }
};

}  // namespace

TEST_CASE("a signal means the domain that the strongest of its names has") {
  World world;
  CHECK(world.means(signal("uuid-1")) == "web1");
  CHECK(world.means(signal("", "web2")) == "web2");
  CHECK(world.means(signal("", "", "52:54:00:77:00:12")) == "web2");
  CHECK(world.means(signal("", "", "", "10.77.0.11")) == "web1");
  CHECK(world.means(signal("uuid-1", "web1", "52:54:00:77:00:12", "10.77.0.12")) == "web1");
  CHECK(world.means(signal("", "web1", "52:54:00:77:00:12")) == "web1");
}

TEST_CASE("nothing is done where it is not clear who is meant, or whether it is Kintsugi's") {
  World world;
  CHECK(world.means(signal("")) == "no-target");
  CHECK(world.means(signal("uuid-9")) == "gone");
  CHECK(world.means(signal("", "web9")) == "gone");
  CHECK(world.means(signal("", "", "52:54:00:00:00:00")) == "gone");
  CHECK(world.means(signal("", "", "", "10.77.0.13")) == "gone");
  CHECK(world.means(signal("", "", "", "10.77.0.99")) == "not-unique");
  CHECK(world.means(signal("uuid-1", "web2")) == "uid-mismatch");
  CHECK(world.means(signal("uuid-3")) == "unprotected");
  Signal pod;
  pod.pod_name = "web-1";
  pod.name_space = "shop";
  CHECK(world.means(pod) == "no-target");
}

TEST_CASE("a victim carries what playbooks select by, and the cap of its terms") {
  World world;
  world.machines.mode = "observe";
  const auto resolved = world.resolver.resolve(signal("uuid-1"));
  REQUIRE(resolved);
  const auto& victim = std::get<Victim>(*resolved);
  CHECK(victim.target == TargetRef{"Domain", "host", "web1", "uuid-1"});
  CHECK(victim.labels == Labels{{"app", "shop"}});
  CHECK(victim.mode_cap == Mode::kObserve);
  world.machines.mode = "ful";
  world.inventory.forget();
  CHECK(std::get<Victim>(*world.resolver.resolve(signal("uuid-1"))).mode_cap == Mode::kObserve);
}

TEST_CASE("domains are read again after a change and after a while, and a host that is away is an error") {
  World world;
  for (int i = 0; i < 3; ++i) CHECK(world.means(signal("uuid-1")) == "web1");
  CHECK(world.machines.listings == 1);
  world.inventory.forget();
  CHECK(world.means(signal("uuid-1")) == "web1");
  CHECK(world.machines.listings == 2);
  world.clock.advance(std::chrono::seconds(6));
  world.machines.is_away = true;
  CHECK(world.means(signal("uuid-1")) == "error");
  CHECK(world.inventory.known("uuid-1"));
  world.machines.is_away = false;
  CHECK(world.means(signal("uuid-1")) == "web1");
  CHECK_FALSE(world.inventory.known("uuid-9"));
}

TEST_CASE("what changes while domains are being read is read again") {
  World world;
  world.machines.mode = "observe";
  world.machines.after_reading = [&] {
    world.machines.mode = "full";
    world.inventory.forget();
  };
  REQUIRE(world.inventory.domains());
  for (int i = 0; i < 2; ++i) CHECK(world.cap_of("uuid-1") == Mode::kFull);
  CHECK(world.machines.listings == 2);
}

TEST_CASE("a signal that comes while changed domains are being read does not mean what was before") {
  World world;
  world.machines.mode = "observe";
  REQUIRE(world.inventory.domains());
  world.machines.mode = "full";
  world.inventory.forget();
  std::future<Mode> other;
  world.machines.after_reading = [&] {
    other = std::async(std::launch::async, [&] { return world.cap_of("uuid-1"); });
    other.wait_for(std::chrono::milliseconds(100));
  };
  CHECK(world.cap_of("uuid-1") == Mode::kFull);
  CHECK(other.get() == Mode::kFull);
  CHECK(world.machines.listings == 2);
}

TEST_CASE("nobody waits where domains are read again only because a while has passed") {
  World world;
  REQUIRE(world.inventory.domains());
  world.clock.advance(std::chrono::seconds(6));
  std::string meant;
  world.machines.after_reading = [&] { meant = world.means(signal("", "web1")); };
  REQUIRE(world.inventory.domains());
  CHECK(meant == "web1");
  CHECK(world.machines.listings == 2);
}

TEST_CASE("who asks while domains are read for the first time has them, too") {
  World world;
  std::future<std::string> other;
  world.machines.after_reading = [&] {
    other = std::async(std::launch::async, [&] { return world.means(signal("", "web1")); });
    other.wait_for(std::chrono::milliseconds(100));
  };
  CHECK(world.means(signal("", "web1")) == "web1");
  CHECK(other.get() == "web1");
}

TEST_CASE("an address that nobody declares is that of the card to which DHCP has given it") {
  World world;
  world.machines.put_in_network("uuid-1", "web1", "default", "52:54:00:77:00:21");
  world.machines.networks["default"] = {{"52:54:00:77:00:21", "192.0.2.21"},
                                        {"52:54:00:77:00:21", "2001:db8::21"},
                                        {"52:54:00:99:99:99", "192.0.2.22"}};
  CHECK(world.means(signal("", "", "", "192.0.2.21")) == "web1");
  CHECK(world.means(signal("", "", "", "2001:db8::21")) == "web1");
  CHECK(world.means(signal("", "", "", "192.0.2.22")) == "gone");  // nobody's card
  CHECK(world.means(signal("", "", "", "192.0.2.23")) == "gone");
  CHECK(world.means(signal("uuid-2", "", "", "192.0.2.21")) == "web2");
  CHECK(world.means(signal("", "", "52:54:00:77:00:12", "192.0.2.21")) == "web2");
  CHECK(world.means(signal("", "", "", "10.77.0.12")) == "web2");
  CHECK(world.machines.definitions.size() == 1);
}

TEST_CASE("an address of two machines is nobody's, however each came to it") {
  World world;
  world.machines.put_in_network("uuid-1", "web1", "default", "52:54:00:77:00:21");
  world.machines.networks["default"] = {{"52:54:00:77:00:21", "10.77.0.12"}};
  CHECK(world.means(signal("", "", "", "10.77.0.12")) == "not-unique");  // web2's, by its terms

  World networks;
  networks.machines.put_in_network("uuid-1", "web1", "default", "52:54:00:77:00:21");
  networks.machines.put_in_network("uuid-2", "web2", "other", "52:54:00:77:00:22");
  networks.machines.networks["default"] = {{"52:54:00:77:00:21", "192.0.2.21"}};
  networks.machines.networks["other"] = {{"52:54:00:77:00:22", "192.0.2.21"}};
  CHECK(networks.means(signal("", "", "", "192.0.2.21")) == "not-unique");
}

TEST_CASE("a guest that asks for a lease in another's name does not get that one isolated") {
  World asks_twice;
  asks_twice.machines.put_in_network("uuid-1", "web1", "default", "52:54:00:77:00:21");
  asks_twice.machines.networks["default"] = {{"52:54:00:77:00:21", "192.0.2.21"},
                                             {"52:54:00:77:00:21", "192.0.2.66"}};
  CHECK(asks_twice.means(signal("", "", "", "192.0.2.66")) == "not-unique");
  CHECK(asks_twice.means(signal("", "", "", "192.0.2.21")) == "not-unique");

  World declares;
  declares.machines.put_in_network("uuid-1", "web1", "default", "52:54:00:77:00:21",
                                   "<k:address value='192.0.2.21'/>");
  declares.machines.networks["default"] = {{"52:54:00:77:00:21", "192.0.2.66"}};
  CHECK(declares.means(signal("", "", "", "192.0.2.66")) == "gone");
  CHECK(declares.means(signal("", "", "", "192.0.2.21")) == "web1");

  World elsewhere;  // a lease of another network than the card's
  elsewhere.machines.put_in_network("uuid-1", "web1", "default", "52:54:00:77:00:21");
  elsewhere.machines.networks["default"] = {};
  elsewhere.machines.networks["other"] = {{"52:54:00:77:00:21", "192.0.2.66"}};
  CHECK(elsewhere.means(signal("", "", "", "192.0.2.66")) == "gone");
}

TEST_CASE("what DHCP says does not matter where its answer cannot be had and the terms have one") {
  World world;
  world.machines.put_in_network("uuid-1", "web1", "default", "52:54:00:77:00:21");
  world.machines.lease_trouble = make_error(ErrorCode::kUnavailable, "no daemon for networks");
  CHECK(world.means(signal("", "", "", "10.77.0.12")) == "web2");
  CHECK(world.means(signal("", "", "", "192.0.2.21")) == "error");
  for (const ErrorCode code : {ErrorCode::kNotFound, ErrorCode::kConflict, ErrorCode::kUnsupported}) {
    world.machines.lease_trouble = make_error(code, "no such network");
    world.clock.advance(std::chrono::seconds(2));
    CHECK(world.means(signal("", "", "", "192.0.2.21")) == "gone");
  }
}

}  // namespace kintsugi::host
