// SPDX-License-Identifier: Apache-2.0
#include "host/domain_resolver.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

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

  Result<std::string> persistent_definition(const std::string& uuid) override {
    const char number = uuid.back();
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

  std::string mode;
  bool is_away = false;
  int listings = 0;
};

struct World {
  Machines machines;
  ManualClock clock;
  DomainInventory inventory{machines, clock};
  DomainResolver resolver{inventory};

  /// The victim's name, or the word for what is done instead.
  std::string means(const Signal& signal) {
    if (const auto refused = resolver.refuse_early(signal))
      return std::string(to_string(refused->disposition));
    const auto resolved = resolver.resolve(signal);
    if (!resolved) return "error";
    if (const auto* victim = std::get_if<Victim>(&*resolved)) return victim->target.name;
    return std::string(to_string(std::get<IntakeResult>(*resolved).disposition));
  }
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

}  // namespace kintsugi::host
