// SPDX-License-Identifier: Apache-2.0
//
// What a containment makes of an isolated machine that is not silent.
#include <catch2/catch.hpp>

#include "host/testing/rebuild_site.h"
#include "targets/libvirt/quarantine_filter.h"

namespace kintsugi::host {
namespace {

using targets::LinkState;
using testing::RebuildSite;
using Victim = ReleaseOrder::Victim;

constexpr char kTap[] = "web1-0";

/// With the machine's own address, and the probe there.
constexpr char kTerms[] =
    "<kintsugi:domain xmlns:kintsugi='https://kintsugi.dev/domain/v1' protected='true'>"
    "<image source='/golden/web.qcow2'/><address value='10.77.0.11'/>"
    "<probe http='http://10.77.0.11/version'/></kintsugi:domain>";

/// Isolated, and left so.
void isolate(RebuildSite& site, const ContainStep& contain = {}) {
  Playbook playbook = testing::rebuild_playbook();
  playbook.mode = Mode::kContainOnly;
  playbook.steps.front() = {contain};
  site.book.set_playbooks({playbook});
  site.open();
  REQUIRE(site.comes_to(condition::kRedeployed, "ModeForbids"));
  REQUIRE(site.reason(condition::kContained) == "DefinitionEvaluated");
}

std::string message(const RebuildSite& site) {
  const Incident now = site.incident();
  return find_condition(now.status, condition::kContained)->message;
}

bool is_asked(const RebuildSite& site) {
  return site.incident().status.awaiting == "contain";
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t times = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++times;
  return times;
}

void wait(RebuildSite& site, int seconds) {
  CHECK_FALSE(site.comes([] { return false; }, seconds));
}

/// As `set_link net0 on` does at QEMU's monitor: libvirt does not show it.
void raise(RebuildSite& site) {
  site.machine.guest_sends = true;
  site.machine.raised.insert(kTap);
}

}  // namespace

TEST_CASE("a link that is raised behind libvirt's back is heard, and put down again") {
  RebuildSite site(kTerms);
  isolate(site);
  wait(site, 3);
  CHECK_THAT(message(site),
             Catch::Contains("sent nothing since") && Catch::Contains("nobody answers at 10.77.0.11:80"));
  raise(site);
  CHECK(site.comes([&] { return site.machine.raised.empty(); }, 5));
  CHECK(site.reason(condition::kContained) == "GuestSends");
  CHECK_FALSE(is_true(site.incident().status, condition::kContained));
  CHECK_THAT(site.timeline(), Catch::Contains("3 packets by network card 52:54:00:77:00:11") &&
                                  Catch::Contains("put down again"));
  CHECK(site.live().interfaces.front().link == LinkState::kDown);
  CHECK(site.live().interfaces.front().filter == targets::kQuarantineFilter);
  CHECK(site.comes_to(condition::kContained, "DefinitionEvaluated"));
  CHECK_THAT(message(site), Catch::Contains("sent nothing since"));
  CHECK_THAT(site.timeline(), !Catch::Contains("Somebody has changed"));
  site.order(Victim::kRestore);
  CHECK(site.comes(Stage::kReleased));
  CHECK(site.live().interfaces.front().link != LinkState::kDown);
}

TEST_CASE("a link that somebody keeps raising is put down three times, then a person is asked") {
  RebuildSite site;
  isolate(site);
  for (int n = 1; n <= 3; ++n) {
    wait(site, 2);
    raise(site);
    REQUIRE(site.comes([&] { return site.machine.raised.empty(); }, 5));
    REQUIRE(site.comes_to(condition::kContained, "DefinitionEvaluated"));
    REQUIRE_FALSE(is_asked(site));
  }
  wait(site, 2);
  raise(site);
  REQUIRE(site.comes_to(condition::kContained, "QuarantineRemoved"));
  site.machine.fail_change(0, /*after=*/false);
  wait(site, 5);
  CHECK(site.machine.changes() == 0);
  CHECK(is_asked(site));
  CHECK(count(site.timeline(), "Contained=False QuarantineRemoved") == 1);
  site.decide("contain", true);
  CHECK(site.comes([&] { return site.machine.raised.empty(); }, 5));
  CHECK(site.comes_to(condition::kContained, "DefinitionEvaluated"));
  CHECK_FALSE(is_asked(site));
}

TEST_CASE("a link that cannot be put down again stays found, and is tried again") {
  RebuildSite site;
  isolate(site);
  wait(site, 2);
  raise(site);
  site.machine.guest_sends = true;
  site.machine.fail_change(GENERATE(1, 2), /*after=*/false);
  REQUIRE(site.comes_to(condition::kContained, "GuestSends"));
  site.machine.guest_sends = false;
  CHECK(site.comes([&] { return site.machine.raised.empty(); }, 10));
  CHECK(site.comes_to(condition::kContained, "DefinitionEvaluated"));
}

TEST_CASE("a link that was to be put down is put down by the next controller, though the guest is quiet") {
  RebuildSite site;
  isolate(site);
  wait(site, 2);
  raise(site);
  site.machine.fail_change(1, /*after=*/false, /*for_good=*/true);
  REQUIRE(site.comes([&] { return site.machine.is_away; }, 5));
  REQUIRE(site.machine.raised.size() == 1);
  site.machine.guest_sends = false;
  site.restart();
  CHECK(site.comes([&] { return site.machine.raised.empty(); }, 5));
  CHECK(site.reason(condition::kContained) == "GuestSends");
  CHECK(site.comes_to(condition::kContained, "DefinitionEvaluated"));
}

TEST_CASE("that a person is to decide about a link outlives the controller, though the guest is quiet") {
  RebuildSite site;
  isolate(site);
  site.change([](Incident& now) { now.status.containment->reassertions = 3; });
  wait(site, 2);
  raise(site);
  REQUIRE(site.comes_to(condition::kContained, "QuarantineRemoved"));
  site.machine.guest_sends = false;
  site.restart();
  wait(site, 5);
  CHECK(site.reason(condition::kContained) == "QuarantineRemoved");
  CHECK(is_asked(site));
  site.decide("contain", true);
  CHECK(site.comes([&] { return site.machine.raised.empty(); }, 5));
  CHECK(site.comes_to(condition::kContained, "DefinitionEvaluated"));
}

TEST_CASE("who may change nothing tells of a guest that sends, and changes nothing") {
  RebuildSite site;
  isolate(site);
  wait(site, 2);
  site.book.set_cluster_cap(Mode::kObserve);
  raise(site);
  REQUIRE(site.comes_to(condition::kContained, "GuestSends"));
  const std::string first = message(site);
  wait(site, 5);
  CHECK(site.machine.raised.size() == 1);
  CHECK(message(site) == first);
  CHECK(count(site.timeline(), "GuestSends") == 1);
}

TEST_CASE("a controller that comes back counts from what it finds") {
  RebuildSite site;
  isolate(site);
  site.machine.sent[kTap] += 5;  // nobody was there to see it
  site.restart();
  wait(site, 5);
  CHECK(site.reason(condition::kContained) == "DefinitionEvaluated");
  raise(site);
  CHECK(site.comes([&] { return site.machine.raised.empty(); }, 5));
}

TEST_CASE("what a guest sends is no finding where it may, or cannot be seen") {
  RebuildSite site;
  SECTION("the host cannot count") {
    site.machine.counting_trouble = make_error(ErrorCode::kUnsupported, "no counters here");
    isolate(site);
    raise(site);
    wait(site, 5);
    CHECK_THAT(message(site), Catch::Contains("could not be had") && Catch::Contains("no counters here"));
  }
  SECTION("the host cannot count any more") {
    isolate(site);
    wait(site, 2);
    site.machine.counting_trouble = make_error(ErrorCode::kTimeout, "busy");
    wait(site, 2);
    CHECK_THAT(message(site), Catch::Contains("could not be had"));
    site.machine.counting_trouble.reset();
  }
  SECTION("the machine is paused") {
    site.machine.is_paused = true;
    isolate(site);
    raise(site);
    wait(site, 5);
    CHECK_THAT(message(site), Catch::Contains("sent nothing since"));
  }
  SECTION("the card was plugged in anew") {
    site.machine.sent[kTap] = 100;
    isolate(site);
    wait(site, 2);
    site.machine.sent[kTap] = 4;
    wait(site, 2);
    CHECK_THAT(message(site), Catch::Contains("sent nothing since"));
  }
  SECTION("it sent before somebody's change was put back") {
    site.machine.guest_sends = true;
    isolate(site);
    wait(site, 2);
    site.machine.sent[kTap] += 5;
    site.machine.live.replace(site.machine.live.find("state=\"down\""), 12, "state=\"up\"");
    wait(site, 5);
    CHECK(count(site.timeline(), "The quarantine was changed by somebody and is put back") == 1);
    CHECK_THAT(message(site), Catch::Contains("sent nothing since"));
  }
  CHECK(site.reason(condition::kContained) == "DefinitionEvaluated");
  CHECK(count(site.timeline(), "GuestSends") == 0);
  CHECK_FALSE(is_asked(site));
}

TEST_CASE("visitors of an open quarantine have their answers, and nobody probes") {
  const std::string more =
      "<quarantine bridge='jail'/><forensics profile='tools' from='10.77.0.8' tcp='22'/>";
  std::string terms = kTerms;
  terms.insert(terms.find("<probe"), more);
  RebuildSite site(terms);
  site.machine.guest_sends = true;
  ContainStep contain;
  contain.forensics = "tools";
  isolate(site, contain);
  REQUIRE(site.live().interfaces.front().link == LinkState::kUp);
  site.probe.reached = Reached::kAccepted;
  wait(site, 15);
  CHECK(site.reason(condition::kContained) == "DefinitionEvaluated");
  CHECK_THAT(message(site), !Catch::Contains("sent nothing"));
  CHECK(site.probe.tried == 0);
  CHECK(count(site.timeline(), "GuestSends") == 0);
}

TEST_CASE("whoever answers at the machine's address is a person's to find, and gone when silent") {
  RebuildSite site(kTerms);
  isolate(site);
  wait(site, 2);
  site.probe.reached = Reached::kAccepted;
  REQUIRE(site.comes([&] { return site.reason(condition::kContained) == "StillAnswers"; }, 15));
  CHECK(is_asked(site));
  CHECK_THAT(site.incident().status.awaiting_reason, Catch::Contains("10.77.0.11:80"));
  CHECK(site.live().interfaces.front().link == LinkState::kDown);
  site.probe.reached = Reached::kSilent;
  CHECK(site.comes_to(condition::kContained, "DefinitionEvaluated"));
  CHECK_FALSE(is_asked(site));
  CHECK_THAT(message(site), Catch::Contains("nobody answers"));
  CHECK(count(site.timeline(), "Contained=False StillAnswers") == 1);
}

TEST_CASE("a person may go on with a machine that still seems to answer") {
  RebuildSite site(kTerms);
  site.probe.reached = Reached::kAccepted;
  Playbook playbook = testing::rebuild_playbook();
  playbook.steps = {{ContainStep()}, {RedeployStep(), /*require_approval=*/true}, {VerifyStep()}};
  site.book.set_playbooks({playbook});
  site.open();
  REQUIRE(site.comes_to(condition::kContained, "StillAnswers"));
  CHECK_FALSE(site.comes([&] { return site.incident().status.awaiting == "redeploy"; }, 10));
  site.decide("contain", true);
  REQUIRE(site.comes([&] { return site.incident().status.awaiting == "redeploy"; }, 10));
  CHECK(site.reason(condition::kContained) == "StillAnswers");
  site.decide("redeploy", true);
  CHECK(site.comes([&] { return site.machine.started > 0; }, 30));
  CHECK(site.comes_to(condition::kContained, "Replaced"));
}

TEST_CASE(
    "what is asked about the containment is shown before what waits with the rebuild, and that after it") {
  RebuildSite site(kTerms);
  Playbook playbook = testing::rebuild_playbook();
  // Else something about the rebuild that a person has to mend.
  const bool is_question = GENERATE(true, false);
  playbook.steps[1].require_approval = is_question;
  if (!is_question)
    site.images.trouble = make_error(ErrorCode::kRefused, "signed by nobody").because("KeyMismatch");
  site.book.set_playbooks({playbook});
  site.open();
  const auto awaits = [&](const char* step) {
    return site.comes([&] { return site.incident().status.awaiting == step; }, 20);
  };
  REQUIRE(awaits("redeploy"));
  const std::string about_rebuild = site.incident().status.awaiting_reason;
  site.probe.reached = Reached::kAccepted;
  REQUIRE(awaits("contain"));
  CHECK_THAT(site.incident().status.awaiting_reason, Catch::Contains("10.77.0.11:80"));
  wait(site, 20);
  CHECK(is_asked(site));
  CHECK(count(site.timeline(), "waits for a person") == 2);  // each is told once
  SECTION("approved") {
    site.decide("contain", true);
    REQUIRE(awaits("redeploy"));
    CHECK(site.incident().status.awaiting_reason == about_rebuild);
    wait(site, 20);
    CHECK_FALSE(is_asked(site));
    CHECK(count(site.timeline(), "waits for a person") == 3);
    if (is_question) {
      site.decide("redeploy", true);
      CHECK(site.comes([&] { return site.machine.started > 0; }, 30));
    }
  }
  SECTION("silent by itself") {
    site.probe.reached = Reached::kSilent;
    REQUIRE(awaits("redeploy"));
    CHECK(site.incident().status.awaiting_reason == about_rebuild);
  }
  SECTION("both answered at once") {
    site.decide("contain", true);
    site.decide("redeploy", true);
    CHECK(site.comes([&] { return site.machine.started > 0; }, 30) == is_question);
  }
  SECTION("released") {
    site.order(Victim::kDelete);
    CHECK(awaits("release"));
  }
  SECTION("denied") {
    site.decide("contain", false);
    REQUIRE(site.comes(
        [&] { return site.incident().status.awaiting_reason.find("ada denied") != std::string::npos; }));
    wait(site, 20);
    CHECK(is_asked(site));
    CHECK(site.machine.started == 0);
    CHECK(count(site.timeline(), "waits for a person") == 3);
  }
}

TEST_CASE("probes are made every few seconds, not of addresses of others, and not of a machine that is off") {
  SECTION("every few seconds") {
    RebuildSite site(kTerms);
    isolate(site);
    const int before = site.probe.tried;
    wait(site, 20);
    CHECK(site.probe.tried - before >= 2);
    CHECK(site.probe.tried - before <= 4);
  }
  SECTION("an address that the terms do not call its own") {
    RebuildSite site;
    isolate(site);
    wait(site, 15);
    CHECK(site.probe.tried == 0);
    CHECK_THAT(message(site), !Catch::Contains("answers"));
  }
  SECTION("a machine that is off") {
    RebuildSite site(kTerms);
    isolate(site);
    wait(site, 1);
    site.machine.live.clear();
    const int before = site.probe.tried;
    site.probe.reached = Reached::kAccepted;
    wait(site, 15);
    CHECK(site.probe.tried == before);
    CHECK(site.reason(condition::kContained) == "ShutOff");
  }
}

}  // namespace kintsugi::host
