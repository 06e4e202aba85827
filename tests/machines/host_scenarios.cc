// SPDX-License-Identifier: Apache-2.0
//
// The controller of a hypervisor as a process: from a signal to an isolated guest and back, over crashes.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>
#include <thread>

#include "base/file.h"
#include "targets/libvirt/domain_target.h"
#include "tests/machines/host_site.h"
#include "tests/machines/machine_lab.h"
#include "tests/support/seed.h"

using namespace kintsugi;
using namespace kintsugi::machines;
using namespace kintsugi::support;
using namespace std::chrono_literals;

namespace {

/// A site as most of these tests want it.
Site site_of(bool pause = false) {
  const std::string contain = std::string("contain: {pause: ") + (pause ? "true" : "false") + "}";
  return Site(playbook_of("contain-only", "[" + contain + ", collect: {}, redeploy: {}]"));
}

Finding isolation_of(Host& host, const std::string& uuid, const std::string& incident) {
  const targets::DomainTarget target(host.hypervisor());
  const auto domain = target.observe(uuid);
  if (!domain || !*domain) return {ConditionStatus::kUnknown, "NotThere", ""};
  return targets::assess_isolation(**domain, {incident, false, false});
}

}  // namespace

TEST_CASE("a signal about a guest isolates it, and its release gives everything back") {
  Host host;
  Site site = site_of();
  const std::string uuid = host.uuid_of("web1");
  site.protect("web1");
  const std::string before = host.hypervisor().persistent_definition(uuid).value();
  ControllerProcess& controller = site.start();
  REQUIRE(answers("10.77.0.11"));

  const auto answer = controller.post(event_about("web1"));
  CHECK(answer.status == 202);
  CHECK_THAT(answer.body, Catch::Contains("\"opened\"") && Catch::Contains(incident_of(uuid)));
  CHECK(comes_true([&] { return isolation_of(host, uuid, incident_of(uuid)).holds(); }));
  CHECK_FALSE(answers("10.77.0.11"));
  CHECK_THAT(controller.post(event_about("web1")).body, Catch::Contains("\"duplicate\""));
  CHECK(
      comes_true([&] { return controller.log().find("Redeployed=False ModeForbids") != std::string::npos; }));
  const std::string metrics = controller.scrape();
  CHECK_THAT(metrics, Catch::Contains("kintsugi_containment"));
  // What the alert about isolation that fails looks at.
  CHECK_THAT(metrics,
             Catch::Contains("kintsugi_actions_total{action=\"contain/isolate\",result=\"applied\"} 1"));
  CHECK_THAT(controller.log(), !Catch::Contains("Somebody has changed"));

  const auto found = site.release(ReleaseOrder::Victim::kRestore);
  REQUIRE(found.size() == 1);
  CHECK(found[0].spec.target == TargetRef{"Domain", "host", "web1", uuid});
  CHECK(is_true(found[0].status, condition::kContained));
  CHECK(is_true(found[0].status, condition::kEvidencePreserved));
  CHECK(found[0].status.times.contained.has_value());

  site.start();
  CHECK(comes_true([&] { return answers("10.77.0.11"); }));
  CHECK(comes_true([&] { return host.hypervisor().persistent_definition(uuid).value() == before; }));
  CHECK(comes_true([&] { return site.controller().log().find("Released by ada") != std::string::npos; }));
  const auto after = site.incidents();
  REQUIRE(after.size() == 1);
  CHECK(after[0].status.outcome == Outcome::kReleased);
}

TEST_CASE("a domain that nobody has given to Kintsugi is left alone, and so is one in mode observe") {
  Host host;
  Site site = site_of();
  const std::string free = host.make_empty("free");
  const std::string watched = host.make_empty("watched");
  site.protect("watched", "mode='observe'");
  ControllerProcess& controller = site.start();
  const std::string before = host.hypervisor().live_definition(free).value();
  CHECK_THAT(controller.post(event_about("free")).body, Catch::Contains("\"unprotected\""));
  CHECK_THAT(controller.post(event_about("nobody")).body, Catch::Contains("\"gone\""));
  CHECK_THAT(controller.post(event_about("watched")).body, Catch::Contains("\"observed\""));
  CHECK(comes_true([&] { return controller.log().find("ObserveOnly") != std::string::npos; }));
  CHECK(host.hypervisor().live_definition(free).value() == before);
  CHECK(isolation_of(host, watched, incident_of(watched)).reason == "NotInQuarantine");
}

TEST_CASE("somebody who takes the quarantine away finds it back") {
  Host host;
  Site site = site_of(/*pause=*/true);
  const std::string uuid = host.make_empty("restless");
  site.protect("restless");
  site.start().post(event_about("restless"));
  const auto is_isolated = [&] { return isolation_of(host, uuid, incident_of(uuid)).holds(); };
  REQUIRE(comes_true([&] { return site.controller().log().find("Contained=True") != std::string::npos; }));
  const targets::DomainTarget target(host.hypervisor());
  const std::string mac = target.observe(uuid).value().value().live->interfaces.front().mac;
  const std::string up = "virsh -q -c '" + uri() + "' domif-setlink restless " + mac + " up";
  REQUIRE(std::system(up.c_str()) == 0);
  CHECK(comes_true(is_isolated));
  CHECK(comes_true([&] {
    return site.controller().log().find("The quarantine was changed by somebody") != std::string::npos;
  }));
}

TEST_CASE("a guest that somebody lets run is paused again, and that is told of") {
  Host host;
  Site site = site_of(/*pause=*/true);
  const std::string uuid = host.make_empty("resumed");
  site.protect("resumed");
  site.start().post(event_about("resumed"));
  const auto is_paused = [&] {
    return host.hypervisor().status(uuid)->state == targets::DomainState::kPaused;
  };
  REQUIRE(site.logs("Contained=True", 20s));
  REQUIRE(is_paused());
  REQUIRE(std::system(("virsh -q -c '" + uri() + "' resume resumed").c_str()) == 0);
  CHECK(comes_true(is_paused));
  CHECK(site.logs("The quarantine was changed by somebody", 20s));
  CHECK(comes_true([&] { return isolation_of(host, uuid, incident_of(uuid)).holds(); }));
}

TEST_CASE("what somebody plugs in or edits meanwhile is told of, and no way out") {
  Host host;
  Site site = site_of(/*pause=*/true);
  const std::string uuid = host.make_empty("plugged");
  site.protect("plugged");
  site.start().post(event_about("plugged"));
  const targets::DomainTarget target(host.hypervisor());
  const auto cards = [&] { return target.observe(uuid).value().value().live->interfaces; };
  REQUIRE(comes_true([&] { return cards().front().filter == targets::kQuarantineFilter; }));
  std::this_thread::sleep_for(3s);  // and it was looked at once more
  const auto virsh = [](const std::string& command) {
    return std::system(("virsh -q -c '" + uri() + "' " + command).c_str()) == 0;
  };
  REQUIRE(virsh("attach-interface plugged bridge production --model usb-net --mac 52:54:00:77:00:99 --live"));
  CHECK(site.logs("Somebody has changed the running domain: network card 52:54:00:77:00:99 was added", 20s));
  CHECK(comes_true([&] {
    const auto now = cards();
    return now.size() == 2 && std::all_of(now.begin(), now.end(), [](const auto& card) {
             return card.link == targets::LinkState::kDown && card.filter == targets::kQuarantineFilter;
           });
  }));
  std::this_thread::sleep_for(3s);
  REQUIRE(virsh("setvcpus plugged 2 --config --maximum"));
  CHECK(site.logs("Somebody has changed what the domain starts from: <vcpu> was changed", 20s));
  CHECK(isolation_of(host, uuid, incident_of(uuid)).holds());
}

TEST_CASE("a machine that is migrated away is none that is gone, and takes its quarantine along") {
  Host host;
  Site site = site_of(/*pause=*/true);
  const std::string uuid = host.make_empty("wanderer");
  site.protect("wanderer");
  site.start().post(event_about("wanderer"));
  REQUIRE(comes_true([&] { return isolation_of(host, uuid, incident_of(uuid)).holds(); }));
  const std::string elsewhere = second_host();
  // A host that does not have the filter does not take the machine.
  const std::string filter = lab_files() + "/filter.xml";
  REQUIRE(comes_true(
      [&] { return host.hypervisor().filter_definition(targets::kQuarantineFilter).has_value(); }));
  REQUIRE(write_file_durably(filter, *host.hypervisor().filter_definition(targets::kQuarantineFilter)));
  REQUIRE(std::system(("virsh -q -c '" + elsewhere + "' nwfilter-define " + filter).c_str()) == 0);
  REQUIRE(std::system(("virsh -q -c '" + uri() +
                       "' migrate --live --p2p --undefinesource --unsafe --migrateuri unix://" + lab_files() +
                       "/migration.sock wanderer 'qemu+unix" + elsewhere.substr(elsewhere.find(':')) + "'")
                          .c_str()) == 0);
  CHECK(site.logs("Contained=False VictimMigrated", 20s));
  CHECK_FALSE(site.logs("VictimGone", 3s));
  CHECK(host.hypervisor().has_left(uuid));
  CHECK(std::system(
            ("virsh -q -c '" + elsewhere + "' dumpxml wanderer | grep -q \"link state='down'\"").c_str()) ==
        0);
  REQUIRE(std::system(("virsh -q -c '" + elsewhere + "' destroy wanderer").c_str()) == 0);
}

TEST_CASE("a controller that is killed at any moment ends in the same state") {
  Host host;
  std::mt19937_64 random = support::seeded_dice();
  for (int round = 0; round < 8; ++round) {
    INFO("round " << round);
    Site site = site_of(/*pause=*/true);
    const std::string name = "crash" + std::to_string(round);
    const std::string uuid = host.make_empty(name);
    site.protect(name);
    const std::string before = host.hypervisor().persistent_definition(uuid).value();
    ControllerProcess& controller = site.start();
    std::thread sender([&] { (void)controller.try_post(event_about(name)); });
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 400));
    controller.kill();
    sender.join();
    site.start().post(event_about(name));
    CHECK(comes_true([&] { return isolation_of(host, uuid, incident_of(uuid)).holds(); }));
    const auto found = site.release(ReleaseOrder::Victim::kRestore);
    for (const Incident& incident : found) {
      UNSCOPED_INFO(incident.name << " " << to_string(stage_of(incident)));
      for (const TimelineEntry& entry : incident.status.timeline) UNSCOPED_INFO("  " << entry.message);
    }
    CHECK(found.size() == 1);
    site.start();
    CHECK(comes_true([&] { return host.hypervisor().persistent_definition(uuid).value() == before; }));
  }
}
