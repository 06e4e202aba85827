// SPDX-License-Identifier: Apache-2.0
//
// A guest in a quarantine network: who reaches it there, whom it reaches, and its way back.
#include <catch2/catch.hpp>

#include "targets/libvirt/domain_target.h"
#include "tests/machines/host_site.h"
#include "tests/machines/machine_lab.h"

using namespace kintsugi;
using namespace kintsugi::machines;
using namespace kintsugi::targets;

namespace {

constexpr char kGuest[] = "10.77.0.11";

/// The host's way to the guest is through that bridge, as that address, until this object is gone.
class Route {
 public:
  Route(const std::string& bridge, const std::string& source) {
    REQUIRE(inside("ip addr replace " + source + "/32 dev " + bridge));
    REQUIRE(inside(std::string("ip route replace ") + kGuest + "/32 dev " + bridge + " src " + source));
  }
  ~Route() { (void)inside(std::string("ip route del ") + kGuest + "/32"); }
  Route(const Route&) = delete;
  Route& operator=(const Route&) = delete;
};

bool reaches(const std::string& bridge, const std::string& source) {
  const Route route(bridge, source);
  return answers(kGuest);
}

DomainIsolation with_tools(const std::string& uuid) {
  DomainIsolation wanted{incident_of(uuid), false, false};
  wanted.forensics = "tools";
  return wanted;
}

Finding isolation_of(Host& host, const std::string& uuid) {
  const auto domain = DomainTarget(host.hypervisor()).observe(uuid);
  if (!domain || !*domain) return {ConditionStatus::kUnknown, "NotThere", ""};
  return assess_isolation(**domain, with_tools(uuid));
}

/// Whether it is isolated, and the second line stands.
bool is_visited(Host& host, const std::string& uuid) {
  const Finding finding = isolation_of(host, uuid);
  return finding.holds() && finding.message.find("where nobody reaches it but") != std::string::npos;
}

}  // namespace

TEST_CASE("in a quarantine network incident tools reach the guest, nobody else does, and it reaches nobody") {
  Host host;
  const std::string uuid = host.uuid_of("web1");
  Site site(playbook_of("contain-only", "[contain: {forensics: tools}, collect: {}, redeploy: {}]"));
  site.protect("web1", "",
               "<address value='10.77.0.11'/><address value='fd77::11'/><quarantine bridge='quarantine'/>"
               "<forensics profile='tools' from='10.77.0.1'/>"
               "<forensics profile='tools' from='10.77.0.64/28' tcp='80'/>"
               "<forensics profile='tools' from='10.77.0.80' tcp='22'/>"
               "<forensics profile='tools' from='fd77::/64' tcp='80'/>"
               "<forensics profile='others' from='10.77.0.90'/>");
  const std::string before = host.hypervisor().persistent_definition(uuid).value();
  REQUIRE(answers(kGuest));
  REQUIRE(inside("timeout 5 busybox wget -q -O - http://10.77.0.11/cgi-bin/implant"));
  REQUIRE(calls_home(10));

  site.start().post(event_about("web1"));
  REQUIRE(comes_true([&] { return is_visited(host, uuid); }));
  CHECK_FALSE(answers(kGuest));  // by way of production
  CHECK(reaches("quarantine", "10.77.0.65"));
  CHECK_FALSE(reaches("quarantine", "10.77.0.50"));
  CHECK_FALSE(reaches("quarantine", "10.77.0.80"));  // at another port
  CHECK_FALSE(reaches("quarantine", "10.77.0.90"));  // of another profile
  CHECK_FALSE(reaches("production", "10.77.0.66"));
  {
    // The guest knows the way to its master, who may connect to it, and it still cannot call.
    const Route route("quarantine", "10.77.0.1");
    CHECK(answers(kGuest));
    CHECK_FALSE(calls_home(4));
    CHECK(answers(kGuest));
  }

  // Somebody moves it back.
  const auto back = plan_live_restoration(host.hypervisor().live_definition(uuid).value(), incident_of(uuid));
  REQUIRE(back);
  REQUIRE(host.hypervisor().update_device(uuid, back->interfaces.front()));
  CHECK(site.logs("The quarantine was changed by somebody and is put back"));
  CHECK(comes_true([&] { return is_visited(host, uuid); }));
  CHECK_FALSE(reaches("production", "10.77.0.66"));
  CHECK(reaches("quarantine", "10.77.0.65"));

  REQUIRE(site.release(ReleaseOrder::Victim::kRestore).size() == 1);
  site.start();
  CHECK(comes_true([&] { return host.hypervisor().persistent_definition(uuid).value() == before; }));
  CHECK(comes_true([&] { return answers(kGuest); }));
  CHECK(calls_home(10));
}

TEST_CASE("of all that a neighbour in the quarantine can send, a guest gets what is excepted") {
  Host host;
  const std::string uuid = host.uuid_of("web1");
  Site site(playbook_of("contain-only", "[contain: {forensics: tools}, redeploy: {}]"));
  site.protect("web1", "",
               "<address value='10.77.0.11'/><quarantine bridge='quarantine'/>"
               "<forensics profile='tools' from='10.77.0.64/28' tcp='80'/>");
  const auto arriving = [&](const std::string& bridge) {
    const std::string tap = DomainTarget(host.hypervisor()).observe(uuid)->value().live->interfaces[0].tap;
    return arriving_frames(bridge, tap, kGuest, "10.77.0.65");
  };
  const auto before = arriving("production");
  REQUIRE(before.size() >= 16);
  for (const auto& [kind, count] : before) {
    INFO(kind);
    CHECK(count >= 10);
  }

  site.start().post(event_about("web1"));
  REQUIRE(comes_true([&] { return is_visited(host, uuid); }));
  const auto isolated = arriving("quarantine");
  REQUIRE(isolated.size() == before.size());
  for (const auto& [kind, count] : isolated) {
    INFO(kind);
    const bool is_excepted = kind == "ARP request of the allowed" || kind == "TCP to the allowed port";
    CHECK(count == (is_excepted ? 10 : 0));
  }
  REQUIRE(site.release(ReleaseOrder::Victim::kRestore).size() == 1);
  site.start();
  CHECK(comes_true([&] { return answers(kGuest); }));
}
