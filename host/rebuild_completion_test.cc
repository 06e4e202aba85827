// SPDX-License-Identifier: Apache-2.0
#include "host/rebuild_completion.h"

#include <catch2/catch.hpp>

#include "host/domain_rebuild_record.h"
#include "host/testing/rebuild_site.h"

namespace kintsugi::host {
namespace {

using targets::PauseCause;
using testing::RebuildSite;

void wait(RebuildSite& site, int seconds) {
  CHECK_FALSE(site.comes([] { return false; }, seconds));
}

std::string message(const RebuildSite& site) {
  const Incident now = site.incident();
  return find_condition(now.status, condition::kRedeployed)->message;
}

/// Started, and not seen to run.
void start(RebuildSite& site) {
  site.machine.starts_slowly = true;
  site.open();
  REQUIRE(site.comes_to(condition::kRedeployed, "Starting"));
  CHECK(site.incident().status.awaiting.empty());
}

}  // namespace

TEST_CASE("a rebuilt machine that somebody has paused is said to be, and theirs to let run") {
  RebuildSite site;
  start(site);
  site.machine.starts_slowly = false;
  REQUIRE(site.comes_to(condition::kRedeployed, "Paused"));
  CHECK(site.incident().status.awaiting == "redeploy");
  CHECK_THAT(site.incident().status.awaiting_reason,
             Catch::Contains("somebody has paused") && Catch::Contains("virsh resume"));
  CHECK(site.comes_to(condition::kRecovered, "DeadlineExceeded"));
  CHECK_THAT(message(site), Catch::Contains("somebody has paused"));
  CHECK(site.machine.is_paused);
  CHECK(site.machine.started == 1);
  CHECK_FALSE(site.incident().status.times.redeployed);
  site.machine.is_paused = false;
  REQUIRE(site.comes(Stage::kClosed));
  CHECK(site.machine.started == 1);
  CHECK(site.incident().status.awaiting.empty());
}

TEST_CASE("whose it is to let a rebuilt machine run follows from why it does not") {
  const auto [cause, words, is_asked] = GENERATE(table<PauseCause, std::string, bool>({
      {PauseCause::kSomebody, "somebody", true},
      {PauseCause::kDiskError, "disk", true},
      {PauseCause::kOther, "host", false},  // a dump, a snapshot: it goes on by itself
  }));
  RebuildSite site;
  start(site);
  site.machine.pause_cause = cause;
  site.machine.starts_slowly = false;
  REQUIRE(site.comes_to(condition::kRedeployed, "Paused"));
  CHECK_THAT(message(site), Catch::Contains(words));
  CHECK((site.incident().status.awaiting == "redeploy") == is_asked);
  // Whatever the cause: it was to be back by then.
  CHECK(site.comes_to(condition::kRecovered, "DeadlineExceeded"));
  wait(site, 10);
  CHECK(site.incident().status.awaiting == "redeploy");
}

TEST_CASE("a rebuilt machine that has crashed is a person's") {
  RebuildSite site;
  start(site);
  site.machine.has_crashed = true;
  REQUIRE(site.comes_to(condition::kRedeployed, "Crashed"));
  CHECK(site.incident().status.awaiting == "redeploy");
  wait(site, 20);
  CHECK(site.machine.started == 1);
}

TEST_CASE("a start that takes too long asks a person, and is waited for all the same") {
  RebuildSite site;
  start(site);
  wait(site, 60);
  CHECK(site.incident().status.awaiting.empty());
  CHECK(site.comes([&] { return site.incident().status.awaiting == "redeploy"; }, 120));
  CHECK(site.reason(condition::kRedeployed) == "Starting");
  site.machine.starts_slowly = site.machine.is_paused = false;
  CHECK(site.comes(Stage::kClosed));
}

TEST_CASE("a rebuilt machine that ends before it was seen to run is not started for ever") {
  RebuildSite site;
  site.machine.ends_at_once = true;
  site.open();
  REQUIRE(site.comes_to(condition::kRedeployed, "KeepsEnding"));
  CHECK_THAT(message(site), Catch::Contains("started 3 times"));
  CHECK(site.incident().status.awaiting == "redeploy");
  CHECK_THAT(site.timeline(), Catch::Contains("2 of 3 times"));
  wait(site, 60);
  CHECK(site.machine.started == 3);
  site.restart();
  wait(site, 60);
  CHECK(site.machine.started == 3);
  SECTION("a person agrees to try again, and is asked again") {
    site.decide("redeploy", true);
    CHECK(site.comes([&] { return site.machine.started == 6; }, 60));
    REQUIRE(site.comes_to(condition::kRedeployed, "KeepsEnding"));
    wait(site, 30);
    CHECK(site.machine.started == 6);
    CHECK(site.incident().status.awaiting == "redeploy");
    site.machine.ends_at_once = false;
    site.decide("redeploy", true);
    CHECK(site.comes(Stage::kClosed));
    CHECK(site.machine.started == 7);
  }
  SECTION("a person does not agree") {
    site.decide("redeploy", false);
    REQUIRE(site.comes_to(condition::kRedeployed, "Denied"));
    wait(site, 30);
    CHECK(site.machine.started == 3);
  }
  SECTION("a person starts it") {
    site.machine.ends_at_once = false;
    REQUIRE(site.machine.start(testing::kUuid));
    CHECK(site.comes(Stage::kClosed));
    CHECK(site.machine.started == 4);
  }
}

TEST_CASE("a start that libvirt refuses is no end of the machine, and tried again") {
  RebuildSite site;
  site.machine.start_trouble = make_error(ErrorCode::kInternal, "no KVM");
  site.open();
  REQUIRE(site.comes_to(condition::kRedeployed, "StartFailed"));
  wait(site, 100);
  CHECK(site.reason(condition::kRedeployed) == "StartFailed");
  site.machine.start_trouble.reset();
  CHECK(site.comes(Stage::kClosed));
  CHECK(site.machine.started == 1);
}

TEST_CASE("a recorded image that is no such is none") {
  Incident incident;
  incident.status.journal = {{start_action({kDomainKind, kHostNamespace, "web1", testing::kUuid}, {}),
                              JournalEntry::State::kApplied, ""}};
  for (const char* image : {"7", "null", "[]", "{}", R"({"device":1})", R"({"device":"1","inode":2})",
                            R"({"device":1,"inode":1.5})", R"({"device":1,"inode":null})"}) {
    INFO(image);
    incident.status.journal.front().action.body = std::string(R"({"starts":1,"image":)") + image + "}";
    CHECK(starts_of(incident).starts == 1);
    CHECK_FALSE(starts_of(incident).image);
  }
}

TEST_CASE("starts are counted by the journal, and what it cannot say is enough of them") {
  Incident incident;
  CHECK(starts_of(incident).starts == 0);
  CHECK_FALSE(starts_of(incident).image);
  const TargetRef target{kDomainKind, kHostNamespace, "web1", testing::kUuid};
  for (const unsigned starts : {0u, 1u, 3u}) {
    for (const std::optional<FileIdentity>& image :
         {std::optional<FileIdentity>(), std::optional(FileIdentity{1, ~std::uint64_t{0}})}) {
      incident.status.journal = {{start_action(target, {starts, image}), JournalEntry::State::kPlanned, ""}};
      CHECK(starts_of(incident).starts == starts);
      CHECK(starts_of(incident).image == image);
    }
  }
  for (const char* body : {"", "{", "7", "[]", "{}", R"({"starts":"1"})", R"({"starts":-1})",
                           R"({"starts":null})", R"({"starts":99999999999})"}) {
    INFO(body);
    incident.status.journal.front().action.body = body;
    CHECK(starts_of(incident).starts > kMaxStarts);
  }
}

}  // namespace kintsugi::host
