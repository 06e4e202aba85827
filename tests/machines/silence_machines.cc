// SPDX-License-Identifier: Apache-2.0
//
// What an isolated guest is seen to do beside its definition: packets through a link that was raised behind
// libvirt's back, and answers at its address.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <thread>

#include "base/file.h"
#include "targets/libvirt/domain_target.h"
#include "tests/machines/host_site.h"
#include "tests/machines/machine_lab.h"

using namespace kintsugi;
using namespace kintsugi::machines;
using namespace kintsugi::targets;
using namespace std::chrono_literals;

namespace {

constexpr char kGuest[] = "10.77.0.11";
constexpr char kSteps[] = "[contain: {}, collect: {}, redeploy: {}]";
constexpr char kTerms[] = "<address value='10.77.0.11'/><probe http='http://10.77.0.11/version'/>";

bool virsh(const std::string& arguments) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing changes the environment
  return std::system(fmt::format("virsh -q -c '{}' {} > /dev/null", uri(), arguments).c_str()) == 0;
}

/// At QEMU itself: libvirt goes on saying that the link is down.
bool raise_link(const std::string& name) {
  return virsh("qemu-monitor-command " + name + " --hmp 'set_link net0 on'");
}

DomainInterface card_of(Host& host, const std::string& uuid) {
  return DomainTarget(host.hypervisor()).observe(uuid).value().value().live->interfaces.front();
}

/// Packets that the host has counted from the guest.
std::uint64_t sent(Host& host, const std::string& uuid) {
  const auto traffic = host.hypervisor().card_traffic(uuid);
  if (!traffic) FAIL(traffic.error().to_string());
  REQUIRE(traffic->size() == 1);
  CHECK(traffic->front().tap == card_of(host, uuid).tap);
  return traffic->front().sent_packets;
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t times = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++times;
  return times;
}

/// Whether the log has it that often within a minute.
bool logs(Site& site, const std::string& text, std::size_t times) {
  return comes_true([&] { return count(site.controller().log(), text) >= times; }, 60s);
}

constexpr char kContained[] = "Contained=True DefinitionEvaluated";

/// Isolated, sealed, and looked at once more.
void isolate(Site& site) {
  REQUIRE(site.start().post(event_about("web1")).status == 202);
  REQUIRE(site.logs("Redeployed=False ModeForbids"));
  std::this_thread::sleep_for(2s);
}

/// Else the host sends to the MAC address that it knows, for half a minute and more.
void forget_neighbours() {
  REQUIRE(inside("ip neigh flush dev production"));
}

void check_given_back(Host& host, Site& site, const std::string& uuid, const std::string& before) {
  site.start();
  CHECK(comes_true([&] { return host.hypervisor().persistent_definition(uuid).value() == before; }));
  CHECK(comes_true([&] { return answers(kGuest); }));
  CHECK(card_of(host, uuid).filter.empty());
}

std::string contained_message(const std::vector<Incident>& incidents) {
  REQUIRE(incidents.size() == 1);
  const Condition* contained = find_condition(incidents.front().status, condition::kContained);
  REQUIRE(contained != nullptr);
  CHECK(contained->status == ConditionStatus::kTrue);
  return contained->message;
}

}  // namespace

TEST_CASE("a link that is raised at QEMU itself is heard and put down, and what came was dropped") {
  Host host;
  const std::string uuid = host.uuid_of("web1");
  const InMachinesNetwork network;
  Site site(playbook_of("contain-only", kSteps));
  site.protect("web1", "", kTerms);
  const std::string before = host.hypervisor().persistent_definition(uuid).value();
  REQUIRE(inside("timeout 5 busybox wget -q -O - http://10.77.0.11/cgi-bin/implant"));
  REQUIRE(calls_home(10));
  isolate(site);
  REQUIRE(card_of(host, uuid).filter == kQuarantineFilter);
  const std::uint64_t silent = sent(host, uuid);

  REQUIRE(raise_link("web1"));
  CHECK(card_of(host, uuid).link == LinkState::kDown);  // by what libvirt says
  REQUIRE(site.logs("Contained=False GuestSends"));
  CHECK(sent(host, uuid) > silent);
  REQUIRE(site.logs("The links that were up behind libvirt's back are put down again"));
  REQUIRE(logs(site, kContained, 2));
  const std::uint64_t again = sent(host, uuid);
  CHECK_FALSE(calls_home(4));
  CHECK(sent(host, uuid) == again);
  CHECK(card_of(host, uuid).link == LinkState::kDown);
  CHECK(card_of(host, uuid).filter == kQuarantineFilter);

  // While nobody looks: the filter holds, and the next controller hears what goes on.
  site.end();
  REQUIRE(raise_link("web1"));
  CHECK_FALSE(calls_home(6));
  CHECK_FALSE(answers(kGuest));
  CHECK(sent(host, uuid) > again);
  site.start();
  REQUIRE(site.logs("Contained=False GuestSends"));
  REQUIRE(logs(site, kContained, 1));
  const std::uint64_t last = sent(host, uuid);
  std::this_thread::sleep_for(4s);
  CHECK(sent(host, uuid) == last);
  CHECK(count(site.controller().log(), "GuestSends") == 1);

  const std::string message = contained_message(site.release(ReleaseOrder::Victim::kRestore));
  CHECK_THAT(message, Catch::Contains("by the host's count the guest has sent nothing since"));
  CHECK_THAT(message, Catch::Contains("nobody answers at 10.77.0.11:80"));
  check_given_back(host, site, uuid, before);
  CHECK(calls_home(10));
}

TEST_CASE("another machine that answers at an isolated guest's address is told of, until it is gone") {
  Host host;
  const std::string uuid = host.uuid_of("web1");
  const InMachinesNetwork network;
  Site site(playbook_of("contain-only", kSteps));
  site.protect("web1", "", kTerms);
  const std::string before = host.hypervisor().persistent_definition(uuid).value();
  isolate(site);
  REQUIRE(lab("guest twin 52:54:00:77:00:66 10.77.0.11"));
  forget_neighbours();
  REQUIRE(site.logs("Contained=False StillAnswers: somebody takes connections at 10.77.0.11:80"));
  CHECK(site.logs("Step contain waits for a person"));
  CHECK(card_of(host, uuid).link == LinkState::kDown);
  REQUIRE(virsh("destroy twin"));
  forget_neighbours();
  CHECK(logs(site, kContained, 2));
  REQUIRE(virsh("undefine twin"));

  const std::string message = contained_message(site.release(ReleaseOrder::Victim::kRestore));
  CHECK_THAT(message, Catch::Contains("nobody answers at 10.77.0.11:80"));
  check_given_back(host, site, uuid, before);
}

TEST_CASE(
    "a machine whose cards the host cannot count is isolated by its definition alone, and that is said") {
  Host host;
  const std::string uuid = host.make_empty("uncounted");
  REQUIRE(virsh("detach-interface uncounted bridge --config"));
  REQUIRE(virsh("destroy uncounted"));
  const std::string card = lab_files() + "/user-card.xml";
  REQUIRE(write_file_durably(card, "<interface type='user'><mac address='52:54:00:77:00:67'/></interface>"));
  REQUIRE(virsh("attach-device uncounted " + card + " --config"));
  REQUIRE(virsh("start uncounted"));
  CHECK(host.hypervisor().card_traffic(uuid).value().empty());
  Site site(playbook_of("contain-only", kSteps));
  site.protect("uncounted");
  REQUIRE(site.start().post(event_about("uncounted")).status == 202);
  REQUIRE(site.logs(kContained));
  std::this_thread::sleep_for(3s);
  const std::string message = contained_message(site.incidents());
  CHECK_THAT(message, Catch::Contains("not counted by the host: network card 52:54:00:77:00:67"));
  CHECK(host.hypervisor().card_traffic("00000000-0000-4000-8000-000000000000").error().code ==
        ErrorCode::kNotFound);
  REQUIRE(virsh("destroy uncounted"));
  CHECK(host.hypervisor().card_traffic(uuid).value().empty());
}
