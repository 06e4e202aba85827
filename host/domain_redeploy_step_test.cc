// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "base/file.h"
#include "base/testing/scratch_directory.h"
#include "controller/collection.h"
#include "host/testing/rebuild_site.h"
#include "targets/libvirt/domain_document.h"
#include "targets/libvirt/domain_rebuild.h"
#include "trust/policy/trust_policy.h"

namespace kintsugi::host {
namespace {

using testing::kIncident;
using testing::RebuildSite;
using Victim = ReleaseOrder::Victim;

std::string normal(const std::string& xml) {
  return targets::to_xml(targets::parse_domain_document(xml).value().first_child());
}

/// Nothing but the quarantine has happened to the machine.
void check_unchanged(RebuildSite& site) {
  CHECK(site.machine.ended == 0);
  CHECK(site.machine.started == 0);
  CHECK_FALSE(site.persistent().rebuilt);
  site.order(Victim::kRestore);
  CHECK(site.comes(Stage::kReleased));
  CHECK(normal(site.machine.persistent) == normal(site.before));
  CHECK(site.machine_files().empty());
}

std::string with_terms(const std::string& terms) {
  return fmt::format(
      "<kintsugi:domain xmlns:kintsugi='https://kintsugi.dev/domain/v1' "
      "protected='true'>{}</kintsugi:domain>",
      terms);
}

/// The process dies when it ends the breached machine's.
void die_in_switch(RebuildSite& site, bool after) {
  REQUIRE(site.comes([&] { return is_rebuilt_by(site.persistent(), kIncident); }));
  site.machine.fail_change(1, after, /*for_good=*/true);
  REQUIRE(site.comes([&] { return site.machine.is_away; }));
}

/// What has to be the same however a rebuild was disturbed.
std::string end_of(const RebuildSite& site) {
  std::vector<std::string> lines = site.machine_files();
  std::sort(lines.begin(), lines.end());
  const Incident now = site.incident();
  for (const JournalEntry& entry : now.status.journal)
    lines.push_back(fmt::format("{} {}", entry.action.id, to_string(entry.state)));
  std::string text =
      fmt::format("{}\n{}\n{}\n{} {} {}", site.machine.persistent, site.machine.live, fmt::join(lines, "\n"),
                  to_string(now.status.outcome), site.machine.autostart, site.machine.is_paused);
  const std::string& own = site.directory.path();
  for (std::size_t at = 0; (at = text.find(own, at)) != std::string::npos;)
    text.replace(at, own.size(), "DIR");
  return text;
}

Playbook without_agent() {
  Playbook playbook = testing::rebuild_playbook();
  RedeployStep redeploy;
  redeploy.harden = {Hardening::kNoGuestAgent, Hardening::kRunAsNonRoot};
  playbook.steps[1] = {redeploy};
  return playbook;
}

}  // namespace

TEST_CASE("a breached machine is isolated, rebuilt from its golden image, and closed once it was quiet") {
  RebuildSite site;
  site.open();
  REQUIRE(site.comes(Stage::kRecovered));
  CHECK(site.reason(condition::kContained) == "Replaced");
  CHECK(site.reason(condition::kRedeployed) == "Rebuilt");
  CHECK(site.reason(condition::kRecovered) == "Serves");
  CHECK(is_rebuilt_by(site.live(), kIncident));
  CHECK(site.live().disks.front().backing == std::vector<std::string>{"/images/aa.qcow2"});
  CHECK(site.live().incident.empty());
  CHECK(site.machine.autostart);
  REQUIRE(site.comes(Stage::kClosed));
  const Incident now = site.incident();
  CHECK(now.status.outcome == Outcome::kRecovered);
  CHECK(now.status.times.redeployed <= now.status.times.recovered);
  REQUIRE(now.status.images.size() == 1);
  CHECK(now.status.images.front().digest == "sha256:aa");
  CHECK(site.machine.ended == 1);
  CHECK(site.machine.started == 1);
  CHECK(site.images.checked >= 2);
  CHECK_THAT(site.timeline(), Catch::Contains("kept as they were: vda /srv/vm/web1.g1.qcow2"));
}

TEST_CASE("a controller that dies at any change ends in the same state, and ends no machine twice") {
  const auto undisturbed = [] {
    RebuildSite site;
    site.open();
    REQUIRE(site.comes(Stage::kClosed));
    return std::pair(end_of(site), site.machine.changes());
  };
  const auto [end, changes] = undisturbed();
  REQUIRE(changes > 8);
  for (int n = 1; n <= changes; ++n) {
    for (const bool after : {false, true}) {
      INFO("it dies " << (after ? "after" : "before") << " change " << n << " of " << changes);
      RebuildSite site;
      site.open();
      site.machine.fail_change(n, after, /*for_good=*/true);
      REQUIRE(site.comes([&] { return site.machine.is_away; }));
      site.restart();
      REQUIRE(site.comes(Stage::kClosed));
      CHECK(end_of(site) == end);
      CHECK(site.machine.ended == 1);
      CHECK(site.machine.started == 1);
    }
  }
}

TEST_CASE("a machine counts as rebuilt once it runs, and is started again where its start was cut short") {
  RebuildSite site;
  site.machine.starts_slowly = true;
  site.open();
  REQUIRE(site.comes_to(condition::kRedeployed, "Starting"));
  CHECK_FALSE(site.incident().status.times.redeployed);
  site.machine.live.clear();
  site.machine.starts_slowly = false;
  REQUIRE(site.comes(Stage::kClosed));
  CHECK(site.machine.started == 2);
  CHECK(site.machine.ended == 1);
}

TEST_CASE("a machine is not started from an image that this process has not seen to be right") {
  RebuildSite site;
  site.open();
  // It dies when the breached machine has ended.
  die_in_switch(site, /*after=*/true);
  REQUIRE(site.machine.live.empty());
  site.images.is_tampered = true;
  site.restart();
  REQUIRE(site.comes_to(condition::kRedeployed, "DigestMismatch"));
  CHECK_FALSE(site.comes([&] { return site.machine.started > 0; }, 20));
  CHECK(site.incident().status.awaiting == "redeploy");
  site.images.is_tampered = false;
  REQUIRE(site.comes(Stage::kClosed));
}

TEST_CASE("an image that is not what it was since it was accepted is brought once more") {
  RebuildSite site;
  Playbook playbook = testing::rebuild_playbook();
  playbook.steps[1].require_approval = true;
  site.book.set_playbooks({playbook});
  site.open();
  REQUIRE(site.comes_to(condition::kRedeployed, "AwaitingApproval"));
  REQUIRE(site.images.provided == 1);
  site.images.is_tampered = true;
  site.decide("redeploy", true);
  REQUIRE(site.comes_to(condition::kRedeployed, "DigestMismatch"));
  CHECK(site.comes([&] { return site.images.provided == 2; }, 20));
  CHECK_FALSE(site.comes([&] { return site.persistent().rebuilt.has_value(); }, 20));
  site.images.is_tampered = false;
  CHECK(site.comes(Stage::kClosed));
}

TEST_CASE("a machine is not started from what somebody has changed after the switch") {
  RebuildSite site;
  site.open();
  die_in_switch(site, /*after=*/true);
  const std::string overlay = site.persistent().rebuilt->overlay;
  for (std::size_t at = 0; (at = site.machine.persistent.find(overlay, at)) != std::string::npos; ++at)
    site.machine.persistent.replace(at, overlay.size(), "/srv/vm/evil.qcow2");
  site.restart();
  REQUIRE(site.comes_to(condition::kRedeployed, "RebuildChanged"));
  CHECK_FALSE(site.comes([&] { return site.machine.started > 0; }, 20));
}

TEST_CASE("an image that no policy accepts changes nothing, and is looked at again") {
  RebuildSite site;
  site.images.trouble = make_error(ErrorCode::kRefused, "signed by nobody").because("KeyMismatch");
  site.open();
  REQUIRE(site.comes_to(condition::kRedeployed, "KeyMismatch"));
  CHECK(site.incident().status.awaiting == "redeploy");
  SECTION("it is signed later") {
    site.images.trouble.reset();
    CHECK(site.comes(Stage::kClosed));
  }
  SECTION("it was a false alarm") {
    check_unchanged(site);
  }
}

TEST_CASE("a source in trouble is asked again without a person") {
  RebuildSite site;
  site.images.trouble = make_error(ErrorCode::kUnavailable, "no connection").because("RegistryUnavailable");
  site.open();
  REQUIRE(site.comes_to(condition::kRedeployed, "RegistryUnavailable"));
  CHECK(site.incident().status.awaiting.empty());
  const int before = site.images.provided;
  CHECK_FALSE(site.comes([] { return false; }, 12));
  CHECK(site.images.provided - before <= 3);  // not each time that somebody looks
  site.images.trouble.reset();
  CHECK(site.comes(Stage::kClosed));
}

TEST_CASE("what the playbook wants taken out of the machine is gone, and told") {
  RebuildSite site;
  site.book.set_playbooks({without_agent()});
  REQUIRE_THAT(site.machine.persistent, Catch::Contains("org.qemu.guest_agent.0"));
  site.open();
  REQUIRE(site.comes(Stage::kClosed));
  CHECK_THAT(site.machine.persistent, !Catch::Contains("org.qemu.guest_agent.0"));
  std::string told;
  for (const TimelineEntry& entry : site.incident().status.timeline) told += entry.message + "\n";
  CHECK_THAT(told, Catch::Contains("In the rebuilt machine, channel org.qemu.guest_agent.0 is left out"));
}

TEST_CASE("terms that permit no rebuild are said, and mended terms are taken") {
  const auto [terms, reason] = GENERATE(table<std::string, std::string>({
      {"", "NoGoldenImage"},
      {"<image source='/a' sorce='/b'/>", "TermsInvalid"},
      {"<image source='/a'/><probe http='gopher://a/'/>", "TermsInvalid"},
      {"<image source='/a'/><probe tcp='web1:80'/>", "TermsInvalid"},
      {"<image source='/a'/><probe agent='true'/>", "TermsInvalid"},
      {"<image source='/a' disk='vdz'/>", "PlanRefused"},
      {"<image source='/a'/><data-disk target='vdz'/>", "PlanRefused"},
      {"<image source='/a' user-data='/nowhere/user-data'/>", "FirstBootInvalid"},
  }));
  INFO(terms);
  RebuildSite site(with_terms(terms));
  site.book.set_playbooks({without_agent()});
  site.open();
  REQUIRE(site.comes_to(condition::kRedeployed, reason));
  CHECK(site.incident().status.awaiting == "redeploy");
  SECTION("mended") {
    std::string& xml = site.machine.persistent;
    const std::size_t begin = xml.find(">", xml.find("kintsugi:domain")) + (terms.empty() ? 0 : 1);
    if (terms.empty()) {
      xml.replace(begin - 1, 2, "><image source='/golden/web.qcow2'/></kintsugi:domain>");
    } else {
      xml.replace(begin, xml.find("</kintsugi:domain>") - begin, "<image source='/golden/web.qcow2'/>");
    }
    CHECK(site.comes(Stage::kClosed));
  }
  SECTION("released") {
    check_unchanged(site);
  }
}

TEST_CASE("a machine starts from first-boot data as they were mended while its definition was refused") {
  ScratchDirectory directory;
  const std::string user_data = directory.write("user-data", "#cloud-config\n# wrong\n");
  RebuildSite site(with_terms("<image source='/golden/web.qcow2' user-data='" + user_data + "'/>"));
  Playbook playbook = testing::rebuild_playbook();
  playbook.steps[1].require_approval = true;
  site.book.set_playbooks({playbook});
  site.open();
  REQUIRE(site.comes_to(condition::kRedeployed, "AwaitingApproval"));
  site.machine.definition_trouble = make_error(ErrorCode::kInvalidInput, "no such machine type");
  site.decide("redeploy", true);
  REQUIRE(site.comes_to(condition::kRedeployed, "DefinitionRefused"));
  const int checked = site.images.checked;
  CHECK_FALSE(site.comes([] { return false; }, 20));
  CHECK(site.images.checked == checked);  // nothing has changed, and nothing is made again
  SECTION("mended") {
    directory.write("user-data", "#cloud-config\n# right\n");
    site.machine.definition_trouble.reset();
    REQUIRE(site.comes(Stage::kClosed));
    const std::string seed = read_file(site.persistent().rebuilt->seed, 1000).value();
    CHECK_THAT(seed, Catch::Contains("# right") && !Catch::Contains("# wrong"));
  }
  SECTION("taken away") {
    std::filesystem::remove(user_data);
    site.machine.definition_trouble.reset();
    REQUIRE(site.comes_to(condition::kRedeployed, "FirstBootInvalid"));
    CHECK(site.machine.ended == 0);
    directory.write("user-data", "#cloud-config\n");
    CHECK(site.comes(Stage::kClosed));
  }
}

TEST_CASE("a false alarm before the switch gives everything back, however far the rebuild had come") {
  for (int seconds = 0; seconds < 12; ++seconds) {
    INFO("released after " << seconds << " s");
    RebuildSite site;
    site.book.set_playbooks({[] {
      Playbook playbook = testing::rebuild_playbook();
      playbook.steps[1].require_approval = true;
      return playbook;
    }()});
    site.open();
    site.comes([] { return false; }, seconds);
    check_unchanged(site);
  }
}

TEST_CASE("a playbook that asks for approval waits for it, and a denial keeps the machine in quarantine") {
  RebuildSite site;
  Playbook playbook = testing::rebuild_playbook();
  playbook.steps[1].require_approval = true;
  site.book.set_playbooks({playbook});
  site.open();
  REQUIRE(site.comes_to(condition::kRedeployed, "AwaitingApproval"));
  CHECK_THAT(
      site.incident().status.awaiting_reason,
      Catch::Contains("file:///golden/web.qcow2 (sha256:aa)") && Catch::Contains("shared folder share"));
  CHECK(site.machine.ended == 0);
  SECTION("approved") {
    site.decide("redeploy", true);
    CHECK(site.comes(Stage::kClosed));
  }
  SECTION("denied") {
    site.decide("redeploy", false);
    REQUIRE(site.comes_to(condition::kRedeployed, "Denied"));
    CHECK_FALSE(site.comes([&] { return site.machine.ended > 0; }, 20));
    CHECK(is_true(site.incident().status, condition::kContained));
  }
  SECTION("what was revoked since is judged anew") {
    trust::TrustPolicy stricter;
    stricter.spec.name = "golden";
    stricter.hash = "another";
    site.book.set_policies({stricter});
    site.images.trouble = make_error(ErrorCode::kRefused, "the digest is revoked");
    site.images.trouble->reason = "DigestRevoked";
    site.decide("redeploy", true);
    REQUIRE(site.comes_to(condition::kRedeployed, "DigestRevoked"));
    CHECK_FALSE(site.comes([&] { return site.machine.ended > 0; }, 20));
  }
  SECTION("who has agreed to one image is asked about another") {
    site.images.digest = "sha256:bb";
    site.restart();
    site.decide("redeploy", true);
    CHECK_FALSE(site.comes([&] { return site.machine.ended > 0; }, 20));
    CHECK_THAT(site.incident().status.awaiting_reason, Catch::Contains("sha256:bb"));
    site.decide("redeploy", true);
    CHECK(site.comes(Stage::kClosed));
  }
}

TEST_CASE("what is not preserved is not destroyed without asking") {
  RebuildSite site;
  Playbook playbook = testing::rebuild_playbook();
  playbook.steps.insert(playbook.steps.begin() + 1, Step{CollectStep()});
  site.book.set_playbooks({playbook});
  site.open();
  REQUIRE(site.comes_to(condition::kRedeployed, "AwaitingApproval"));
  CHECK_THAT(site.incident().status.awaiting_reason, Catch::Contains("evidence is not preserved"));
  CHECK(site.machine.ended == 0);
  site.decide("redeploy", true);
  CHECK(site.comes(Stage::kClosed));
}

TEST_CASE("a memory that could not be dumped is not destroyed without asking, while there is one") {
  const auto [reason, is_running, asks] = GENERATE(table<std::string, bool, bool>({
      {controller::kMemoryMissing, true, true},
      {controller::kMemoryMissing, false, false},
      {"Partial", true, false},
      {"Complete", true, false},
  }));
  CAPTURE(reason, is_running);
  RebuildSite site;
  Playbook playbook = testing::rebuild_playbook();
  playbook.steps.insert(playbook.steps.begin() + 1, Step{CollectStep()});
  site.book.set_playbooks({playbook});
  if (!is_running) site.machine.live.clear();
  site.open();
  REQUIRE(site.comes_to(condition::kRedeployed, "AwaitingApproval"));  // there is no evidence store
  site.change([&](Incident& incident) {
    set_condition(incident, condition::kEvidencePreserved, ConditionStatus::kTrue, reason, "in /evidence",
                  incident.created);
  });
  if (asks) {
    const auto says_so = [&] {
      return site.incident().status.awaiting_reason.starts_with("the memory is not preserved");
    };
    REQUIRE(site.comes(says_so));
    CHECK(site.machine.ended == 0);
    site.decide("redeploy", true);
  }
  CHECK(site.comes(Stage::kClosed));
}

TEST_CASE("of an incident that is over, or not there any more, nothing is remembered") {
  RebuildSite site;
  Playbook playbook = testing::rebuild_playbook();
  playbook.steps.insert(playbook.steps.begin() + 1, Step{CollectStep()});
  site.book.set_playbooks({playbook});
  site.open();
  SECTION("closed") {
    REQUIRE(site.comes_to(condition::kRedeployed, "AwaitingApproval"));  // there is no evidence
    CHECK(site.remembers());
    site.decide("redeploy", true);
    REQUIRE(site.comes(Stage::kClosed));
  }
  SECTION("released") {
    REQUIRE(site.comes([&] { return site.remembers(); }));
    site.order(Victim::kRestore);
    REQUIRE(site.comes(Stage::kReleased));
  }
  SECTION("deleted while it is open") {
    REQUIRE(site.comes([&] { return site.remembers(); }));
    REQUIRE(site.store.remove(site.incident()));
    site.step();
  }
  // What a job leaves after that goes with the reconcile that it asks for.
  CHECK(site.comes([&] { return !site.remembers(); }));
}

TEST_CASE("a data disk stays where a person agrees, and is detached otherwise") {
  const auto [is_approved, disks] = GENERATE(table<bool, std::size_t>({{true, 4}, {false, 3}}));
  RebuildSite site(with_terms("<image source='/a'/><data-disk target='vdb' after='approval'/>"));
  std::string& xml = site.machine.persistent;
  xml.insert(xml.find("<controller"),
             "<disk type='file'><source file='/srv/vm/data.qcow2'/><target dev='vdb' bus='virtio'/></disk>");
  Playbook playbook = testing::rebuild_playbook();
  playbook.steps[1].require_approval = true;
  site.book.set_playbooks({playbook});
  site.open();
  REQUIRE(site.comes([&] { return !site.incident().status.awaiting.empty(); }));
  CHECK_THAT(site.incident().status.awaiting_reason, Catch::Contains("disk vdb was the breached machine's"));
  site.decide("redeploy", is_approved);
  REQUIRE(site.comes(
      [&] { return site.incident().status.awaiting_reason.find("start domain") != std::string::npos; }));
  site.decide("redeploy", true);  // which is about the rebuild
  REQUIRE(site.comes(Stage::kClosed));
  CHECK(site.live().disks.size() == disks);
  CHECK(site.persistent().rebuilt->disks.size() == (is_approved ? 1 : 2));
}

TEST_CASE("a mode below full rebuilds nothing") {
  RebuildSite site;
  site.book.set_cluster_cap(Mode::kContainOnly);
  site.open();
  REQUIRE(site.comes_to(condition::kRedeployed, "ModeForbids"));
  CHECK(is_true(site.incident().status, condition::kContained));
  check_unchanged(site);
}

TEST_CASE("a machine without a definition to go back to is a person's") {
  RebuildSite site;
  site.machine.persistent.clear();
  site.open();
  REQUIRE(site.comes_to(condition::kRedeployed, "NotPersistent"));
  CHECK(site.incident().status.awaiting == "redeploy");
  CHECK(site.machine.ended == 0);
}

TEST_CASE("after the switch nothing brings the breached machine back") {
  RebuildSite site;
  site.open();
  SECTION("the rebuilt one runs") {
    REQUIRE(site.comes(Stage::kRecovered));
  }
  SECTION("the switch has just begun") {
    die_in_switch(site, /*after=*/false);
    site.restart();
  }
  const std::string persistent = site.machine.persistent;
  const std::string live = site.machine.live;
  site.order(Victim::kRestore);
  CHECK_FALSE(site.comes([&] { return site.incident().is_over(); }, 20));
  CHECK(site.incident().status.awaiting == "release");
  CHECK_THAT(site.incident().status.awaiting_reason,
             Catch::Contains("--victim leave") && Catch::Contains("/srv/vm/web1.g1.qcow2"));
  site.order(Victim::kLeave);
  CHECK(site.comes(Stage::kReleased));
  CHECK(site.machine.persistent == persistent);
  CHECK(site.machine.live == live);
  CHECK(site.machine_files().size() == 2);
}

}  // namespace kintsugi::host
