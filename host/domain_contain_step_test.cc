// SPDX-License-Identifier: Apache-2.0
//
// What a containment makes of what people do to the machine meanwhile.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <utility>

#include "host/testing/rebuild_site.h"
#include "targets/libvirt/domain_rebuild.h"
#include "targets/libvirt/quarantine_filter.h"

namespace kintsugi::host {
namespace {

using testing::kIncident;
using testing::RebuildSite;
using Victim = ReleaseOrder::Victim;

void set_playbook(RebuildSite& site, bool pause) {
  Playbook playbook = testing::rebuild_playbook();
  ContainStep contain;
  contain.pause = pause;
  playbook.steps = {{contain}, {RedeployStep(), /*require_approval=*/true}, {VerifyStep()}};
  site.book.set_playbooks({playbook});
}

/// Isolated, and left so: a person is asked before anything else.
void isolate(RebuildSite& site, bool pause = false) {
  set_playbook(site, pause);
  site.open();
  REQUIRE(site.comes_to(condition::kRedeployed, "AwaitingApproval"));
  REQUIRE(site.reason(condition::kContained) == "DefinitionEvaluated");
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t times = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++times;
  return times;
}

}  // namespace

TEST_CASE("a machine that was migrated away is no machine that is gone") {
  const bool is_undefined = GENERATE(false, true);
  INFO((is_undefined ? "and undefined here" : "and still defined here"));
  RebuildSite site;
  isolate(site);
  const std::string live = std::exchange(site.machine.live, "");
  const std::string persistent = site.machine.persistent;
  if (is_undefined) site.machine.persistent.clear();
  site.machine.has_migrated = true;
  REQUIRE(site.comes_to(condition::kContained, "VictimMigrated"));
  CHECK(find_condition(site.incident().status, condition::kContained)->status == ConditionStatus::kFalse);
  CHECK_THAT(site.incident().status.awaiting_reason,
             Catch::Contains("runs on another host") && Catch::Contains("virsh suspend web1"));
  site.decide("redeploy", true);
  CHECK_FALSE(site.comes([&] { return site.machine.started > 0; }, 20));

  // It comes back, as it left.
  site.machine.live = live;
  site.machine.persistent = persistent;
  site.machine.has_migrated = false;
  CHECK(site.comes_to(condition::kContained, "DefinitionEvaluated"));
}

TEST_CASE("that a machine was migrated outlives the controller who was told") {
  RebuildSite site;
  isolate(site);
  site.machine.live.clear();
  site.machine.persistent.clear();
  site.machine.has_migrated = true;
  REQUIRE(site.comes_to(condition::kContained, "VictimMigrated"));
  site.machine.has_migrated = false;  // the next controller was not told
  site.restart();
  CHECK_FALSE(site.comes([&] { return site.reason(condition::kContained) != "VictimMigrated"; }, 10));
  site.order(Victim::kRestore);
  CHECK(site.comes(Stage::kReleased));
  CHECK_THAT(site.timeline(), Catch::Contains("give it its links and devices back there"));
}

TEST_CASE("a network card that is plugged in meanwhile is cut off, and told of once") {
  const std::string link = GENERATE(std::string(""), std::string("<link state='down'/>"));
  RebuildSite site;
  isolate(site);
  for (int n = 1; n <= 5; ++n) {  // more often than what was taken away is put back
    REQUIRE(site.machine.attach_device(
        testing::kUuid, fmt::format("<interface type='bridge'><mac address='52:54:00:77:00:{:02d}'/><source "
                                    "bridge='br77'/>{}<alias name='new{}'/></interface>",
                                    50 + n, link, n)));
    CHECK_FALSE(site.comes([] { return false; }, 5));
    for (const targets::DomainInterface& interface : site.live().interfaces) {
      CHECK(interface.link == targets::LinkState::kDown);
      CHECK(interface.filter == targets::kQuarantineFilter);
    }
    const std::string said = fmt::format(
        "Somebody has changed the running domain: network card 52:54:00:77:00:{} was added", 50 + n);
    CHECK(count(site.timeline(), said) == 1);
  }
  CHECK(count(site.timeline(), "What was added to the running domain is cut off as well") == 5);
  CHECK(count(site.timeline(), "Somebody has changed") == 5);
  site.restart();
  CHECK_FALSE(site.comes([] { return false; }, 5));
  CHECK(count(site.timeline(), "Somebody has changed") == 5);
  CHECK(site.reason(condition::kContained) == "DefinitionEvaluated");
  site.order(Victim::kRestore);
  CHECK(site.comes(Stage::kReleased));
}

TEST_CASE("a passage that is plugged in meanwhile is closed, and told of once") {
  RebuildSite site;
  isolate(site);
  REQUIRE(site.machine.attach_device(testing::kUuid,
                                     "<channel type='unix'><target type='virtio' name='evil'/>"
                                     "<alias name='new'/></channel>"));
  CHECK(site.comes([&] { return site.live().passages.size() == 2; }, 5));  // serial port and console
  CHECK(count(site.timeline(), "channel evil was added") == 1);
  CHECK(site.comes_to(condition::kContained, "DefinitionEvaluated"));
}

TEST_CASE("what an administrator changes of the definition meanwhile is told of once, and stays") {
  RebuildSite site;
  isolate(site);
  site.machine.persistent.replace(site.machine.persistent.find(">1</vcpu>"), 9, ">4</vcpu>");
  CHECK_FALSE(site.comes([] { return false; }, 5));
  const std::string said = "Somebody has changed what the domain starts from: <vcpu> was changed";
  CHECK(count(site.timeline(), said) == 1);
  site.restart();
  CHECK_FALSE(site.comes([] { return false; }, 5));
  CHECK(count(site.timeline(), "Somebody has changed") == 1);
  CHECK(site.reason(condition::kContained) == "DefinitionEvaluated");
  site.order(Victim::kRestore);
  CHECK(site.comes(Stage::kReleased));
  CHECK_THAT(site.machine.persistent, Catch::Contains(">4</vcpu>"));
}

TEST_CASE("nobody is said to have changed what the incident itself changes") {
  RebuildSite site;
  isolate(site);
  // The quarantine of what it starts from is taken away, and put back.
  site.machine.persistent = site.before;
  REQUIRE(site.comes([&] { return !site.persistent().incident.empty(); }, 10));
  CHECK_FALSE(site.comes([] { return false; }, 5));
  CHECK(count(site.timeline(), "The quarantine was changed by somebody and is put back") == 1);
  site.decide("redeploy", true);
  REQUIRE(site.comes(Stage::kClosed));
  CHECK(count(site.timeline(), "Somebody has changed the running") == 0);
}

TEST_CASE("a guest that somebody lets run is paused again, three times; then a person is asked") {
  RebuildSite site;
  isolate(site, /*pause=*/true);
  REQUIRE(site.machine.is_paused);
  for (int n = 1; n <= 3; ++n) {
    site.machine.is_paused = false;
    REQUIRE(site.comes([&] { return site.machine.is_paused; }, 5));
    CHECK(site.comes_to(condition::kContained, "DefinitionEvaluated"));
  }
  CHECK(count(site.timeline(), "The quarantine was changed by somebody and is put back") == 1);
  site.restart();
  site.machine.is_paused = false;
  CHECK(site.comes_to(condition::kContained, "QuarantineRemoved"));
  CHECK_FALSE(site.machine.is_paused);
  site.order(Victim::kRestore);
  CHECK(site.comes(Stage::kReleased));
  CHECK_FALSE(site.machine.is_paused);
}

TEST_CASE("a guest is paused once its incident's playbook says so, and nobody is blamed for it") {
  RebuildSite site;
  isolate(site);
  CHECK_FALSE(site.machine.is_paused);
  set_playbook(site, /*pause=*/true);
  CHECK(site.comes([&] { return site.machine.is_paused; }, 5));
  CHECK(site.comes_to(condition::kContained, "DefinitionEvaluated"));
  CHECK_FALSE(site.comes([] { return false; }, 5));
  CHECK(count(site.timeline(), "The playbook has the guest paused as well") == 1);
  CHECK(count(site.timeline(), "was changed by somebody") == 0);
  site.order(Victim::kRestore);
  CHECK(site.comes(Stage::kReleased));
  CHECK_FALSE(site.machine.is_paused);
}

TEST_CASE("a machine that would still be started with the host is not left so") {
  RebuildSite site;
  isolate(site);
  REQUIRE_FALSE(site.machine.autostart);
  site.machine.autostart = true;
  CHECK(site.comes([&] { return !site.machine.autostart; }, 5));
  site.order(Victim::kRestore);
  CHECK(site.comes(Stage::kReleased));
  CHECK(site.machine.autostart);
}

TEST_CASE("a mark of a rebuild that this incident has not made does not pass for its containment") {
  RebuildSite site;
  site.open();
  REQUIRE(site.comes(Stage::kClosed));
  REQUIRE(is_rebuilt_by(site.live(), kIncident));
  REQUIRE(site.store.remove(site.incident()));  // a database that was lost, or put back from before
  site.restart();
  set_playbook(site, /*pause=*/false);
  site.open();
  REQUIRE(site.comes_to(condition::kContained, "DefinitionEvaluated"));
  for (const targets::DomainInterface& interface : site.live().interfaces)
    CHECK(interface.link == targets::LinkState::kDown);
}

TEST_CASE("a machine that is simply gone was not migrated") {
  RebuildSite site;
  isolate(site);
  site.machine.live.clear();
  site.machine.persistent.clear();
  CHECK(site.comes_to(condition::kContained, "VictimGone"));
}

}  // namespace kintsugi::host
