// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "host/testing/rebuild_site.h"
#include "targets/libvirt/domain_rebuild.h"

namespace kintsugi::host {
namespace {

using testing::kIncident;
using testing::RebuildSite;
using Victim = ReleaseOrder::Victim;

void signal_about(RebuildSite& site, WallTime time) {
  site.change(
      [&](Incident& now) { tally_signal(now.status, "falco", "Terminal shell", Severity::kCritical, time); });
}

}  // namespace

TEST_CASE("a rebuilt machine that does not serve is not recovered, and its deadline passes") {
  RebuildSite site;
  site.probe.serves = false;
  site.open();
  REQUIRE(site.comes_to(condition::kRecovered, "ProbeFailed"));
  CHECK_FALSE(site.incident().status.times.recovered);
  REQUIRE(site.comes_to(condition::kRecovered, "DeadlineExceeded"));
  site.probe.serves = true;
  CHECK(site.comes(Stage::kClosed));
}

TEST_CASE("a recovery is taken back when the machine stops serving before it was quiet long enough") {
  RebuildSite site;
  site.open();
  REQUIRE(site.comes(Stage::kRecovered));
  SECTION("its probe has no answer") {
    site.probe.serves = false;
    REQUIRE(site.comes_to(condition::kRecovered, "ProbeFailed"));
    site.probe.serves = true;
  }
  SECTION("it is paused") {
    site.machine.is_paused = true;
    REQUIRE(site.comes_to(condition::kRecovered, "NotRunning"));
    site.machine.is_paused = false;
  }
  CHECK_FALSE(site.incident().status.times.recovered);
  CHECK(site.comes(Stage::kClosed));
}

TEST_CASE("a controller that comes back takes no recovery time away") {
  RebuildSite site;
  site.open();
  REQUIRE(site.comes(Stage::kRecovered));
  const auto recovered = site.incident().status.times.recovered;
  site.restart();
  REQUIRE(site.comes(Stage::kClosed));
  CHECK(site.incident().status.times.recovered == recovered);
}

TEST_CASE("a machine that was shut off after its rebuild is not started again") {
  RebuildSite site;
  site.probe.serves = false;
  site.open();
  REQUIRE(site.comes_to(condition::kRecovered, "ProbeFailed"));
  site.machine.live.clear();
  REQUIRE(site.comes_to(condition::kRecovered, "NotRunning"));
  CHECK_FALSE(site.comes([&] { return !site.machine.live.empty(); }, 20));
}

TEST_CASE("an image that was changed under the running machine is no recovery") {
  RebuildSite site;
  site.open();
  REQUIRE(site.comes([&] { return site.machine.started == 1; }));
  SECTION("its bytes are others") {
    site.images.is_tampered = true;
  }
  SECTION("another file has its name") {
    site.images.inode = 8;
  }
  REQUIRE(site.comes_to(condition::kRecovered, "ImageChanged"));
  CHECK_FALSE(site.incident().status.times.recovered);
  CHECK(site.incident().status.awaiting == "verify");
  CHECK_THAT(site.incident().status.awaiting_reason,
             Catch::Contains("release " + kIncident + " --victim leave") && Catch::Contains("open another"));
  CHECK_FALSE(site.comes([&] { return site.incident().is_over(); }, 200));
  CHECK(site.machine.ended == 1);
  CHECK(site.machine.started == 1);
}

TEST_CASE("whether a machine goes on from a changed image is a person's to say") {
  RebuildSite site;
  site.open();
  REQUIRE(site.comes([&] { return site.machine.started == 1; }));
  site.images.inode = 8;
  REQUIRE(site.comes_to(condition::kRecovered, "ImageChanged"));
  SECTION("it does") {
    site.decide("verify", true);
    REQUIRE(site.comes(Stage::kClosed));
    CHECK(site.incident().status.outcome == Outcome::kRecovered);
    CHECK_THAT(find_condition(site.incident().status, condition::kRecovered)->message,
               Catch::Contains("although") && Catch::Contains("another file"));
  }
  SECTION("it does not") {
    site.decide("verify", false);
    REQUIRE(site.comes([&] { return site.incident().status.awaiting.empty(); }));
    CHECK_FALSE(site.comes([&] { return site.incident().is_over(); }, 200));
    CHECK_FALSE(site.incident().status.times.recovered);
    site.order(Victim::kLeave);
    CHECK(site.comes(Stage::kReleased));
  }
  SECTION("nor does an approval of something else") {
    site.decide("redeploy", true);
    CHECK_FALSE(site.comes([&] { return site.incident().is_over(); }, 200));
    CHECK(site.incident().status.awaiting == "verify");
  }
}

TEST_CASE("an image that is right again needs nobody's answer, and a later change is asked about anew") {
  RebuildSite site;
  site.open();
  REQUIRE(site.comes([&] { return site.machine.started == 1; }));
  SECTION("its bytes") {
    site.images.is_tampered = true;
    REQUIRE(site.comes_to(condition::kRecovered, "ImageChanged"));
    site.images.is_tampered = false;
  }
  SECTION("its file") {
    site.images.inode = 8;
    REQUIRE(site.comes_to(condition::kRecovered, "ImageChanged"));
    site.images.inode = 7;
  }
  REQUIRE(site.comes(Stage::kRecovered));
  CHECK(site.incident().status.awaiting.empty());
  site.images.is_tampered = true;
  site.restart();
  REQUIRE(site.comes_to(condition::kRecovered, "ImageChanged"));
  CHECK(site.incident().status.awaiting == "verify");
}

TEST_CASE("a controller that comes back knows still from which file a machine was started") {
  RebuildSite site;
  site.open();
  REQUIRE(site.comes(Stage::kRecovered));
  site.images.inode = 8;
  site.restart();
  REQUIRE(site.comes_to(condition::kRecovered, "ImageChanged"));
  CHECK(site.incident().status.awaiting == "verify");
}

TEST_CASE("an agent's probe waits for its channel") {
  RebuildSite site(
      "<kintsugi:domain xmlns:kintsugi='https://kintsugi.dev/domain/v1' protected='true'>"
      "<image source='/golden/web.qcow2'/><probe agent='true'/></kintsugi:domain>");
  site.open();
  REQUIRE(site.comes_to(condition::kRecovered, "AgentSilent"));
  std::string& live = site.machine.live;
  live.insert(live.find("\"org.qemu.guest_agent.0\"") + 24, " state=\"connected\"");
  CHECK(site.comes(Stage::kClosed));
}

TEST_CASE("a machine without a probe is recovered when it runs, which is said") {
  RebuildSite site(
      "<kintsugi:domain xmlns:kintsugi='https://kintsugi.dev/domain/v1' protected='true'>"
      "<image source='/golden/web.qcow2'/></kintsugi:domain>");
  site.open();
  CHECK(site.comes_to(condition::kRecovered, "RunsUnprobed"));
}

TEST_CASE("a network card that the guest drives itself is closed like any other passage") {
  RebuildSite site;
  site.book.set_cluster_cap(Mode::kContainOnly);
  std::string& live = site.machine.live;
  live.insert(
      live.find("<serial"),
      "<interface type='hostdev'><mac address='52:54:00:77:00:13'/><alias name='hostdev1'/></interface>");
  site.open();
  REQUIRE(site.comes([&] { return is_true(site.incident().status, condition::kContained); }));
  CHECK(site.live().interfaces.size() == 1);
}

TEST_CASE("a signal about the rebuilt machine isolates it and asks a person") {
  RebuildSite site;
  site.open();
  REQUIRE(site.comes(Stage::kRecovered));
  signal_about(site, *site.incident().status.times.redeployed - std::chrono::seconds(1));
  CHECK_FALSE(
      site.comes([&] { return !site.live().incident.empty(); }, 10));  // it was about the breached one

  signal_about(site, *site.incident().status.times.redeployed + std::chrono::seconds(1));
  const bool is_suspected = site.comes_to(condition::kRedeployed, "SuspectedAgain");
  INFO(site.timeline());
  REQUIRE(is_suspected);
  CHECK_THAT(site.timeline(), !Catch::Contains("Somebody has changed"));
  CHECK(is_true(site.incident().status, condition::kContained));
  CHECK(site.reason(condition::kContained) == "DefinitionEvaluated");
  CHECK(site.live().incident == kIncident);
  CHECK(site.persistent().incident == kIncident);
  CHECK(site.live().interfaces.front().link == targets::LinkState::kDown);
  CHECK_FALSE(site.incident().status.times.recovered);
  CHECK(site.incident().status.awaiting == "redeploy");
  CHECK_FALSE(site.comes([&] { return site.incident().is_over(); }, 200));
  CHECK(site.machine.ended == 1);
  SECTION("a false alarm gives it back its links") {
    site.order(Victim::kRestore);
    REQUIRE(site.comes(Stage::kReleased));
    CHECK(site.live().incident.empty());
    CHECK(is_rebuilt_by(site.persistent(), kIncident));
    CHECK(site.persistent().incident.empty());
  }
  SECTION("it is left as it is") {
    site.order(Victim::kLeave);
    REQUIRE(site.comes(Stage::kReleased));
    CHECK(site.live().incident == kIncident);
  }
}

}  // namespace kintsugi::host
