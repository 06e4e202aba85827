// SPDX-License-Identifier: Apache-2.0
//
// The controller of a hypervisor as a process: from a signal to an isolated guest and back, over crashes.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>
#include <thread>

#include "incidents/sqlite_store.h"
#include "targets/libvirt/domain_target.h"
#include "tests/machines/machine_lab.h"
#include "tests/support/controller_process.h"
#include "tests/support/scratch_directory.h"

using namespace kintsugi;
using namespace kintsugi::machines;
using namespace kintsugi::support;
using namespace std::chrono_literals;

namespace {

constexpr char kPlaybook[] = R"(
apiVersion: kintsugi.dev/v1alpha1
kind: Playbook
metadata: {name: shell-in-machine}
spec:
  signals: [{source: falco, rules: ["Terminal shell*"]}]
  mode: contain-only
  steps:
    - contain: {pause: PAUSE}
    - collect: {}
    - redeploy: {}
)";

std::string event_about(const std::string& domain) {
  return R"({"rule": "Terminal shell in container", "priority": "Critical", "output": "a shell",)"
         R"( "output_fields": {"container.id": "host", "kintsugi.domain": ")" +
         domain + "\"}}";
}

/// A hypervisor with its controller, which may end and come back.
class Site {
 public:
  explicit Site(bool pause = false) {
    std::string playbook = kPlaybook;
    playbook.replace(playbook.find("PAUSE"), 5, pause ? "true" : "false");
    directory_.write("playbooks/shell.yaml", playbook);
    directory_.write("trust-policies/none.yaml", "");
    directory_.write("state/.keep", "");
  }

  ControllerProcess& start() {
    controller_.reset();
    ControllerOptions options;
    options.name_space = "host";
    options.directory = directory_.path();
    options.flags = {"--host", "--libvirt-uri", uri(), "--state", state()};
    controller_ = std::make_unique<ControllerProcess>(options);
    controller_->require_ready();
    return *controller_;
  }
  void end() { controller_.reset(); }
  ControllerProcess& controller() { return *controller_; }

  /// The incidents, while no controller has them; `edit` may decide about each.
  std::vector<Incident> incidents(
      const std::function<void(incidents::SqliteIncidentStore&, Incident)>& edit = {}) {
    end();
    const auto database = incidents::SqliteDatabase::open(state());
    if (!database) FAIL(database.error().to_string());
    const auto store = incidents::SqliteIncidentStore::open(**database, clock_);
    REQUIRE(store);
    std::vector<Incident> found;
    for (const auto& incident : (*store)->list()) {
      found.push_back(*incident);
      if (edit) edit(**store, *incident);
    }
    return found;
  }

  void protect(const std::string& domain, const std::string& more = "") {
    const std::string command =
        "virsh -q -c '" + uri() + "' metadata " + domain +
        " https://kintsugi.dev/domain/v1 --key kintsugi --set \"<domain protected='true' " + more +
        "/>\" --config";
    REQUIRE(std::system(command.c_str()) == 0);
  }

 private:
  std::string state() const { return directory_.path() + "/state/kintsugi.db"; }

  SystemClock clock_;
  ScratchDirectory directory_;
  std::unique_ptr<ControllerProcess> controller_;
};

bool comes_true(const std::function<bool()>& what, std::chrono::seconds patience = 20s) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!what()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

Finding isolation(Host& host, const std::string& uuid, const std::string& incident) {
  const targets::DomainTarget target(host.hypervisor());
  const auto domain = target.observe(uuid);
  if (!domain || !*domain) return {ConditionStatus::kUnknown, "NotThere", ""};
  return targets::assess_isolation(**domain, {incident, false, false});
}

std::string incident_of(const std::string& uuid) {
  return incident_name({"Domain", "host", "", uuid}, 1);
}

void order_release(incidents::SqliteIncidentStore& store, Incident incident, ReleaseOrder::Victim victim) {
  ReleaseOrder order;
  order.by = "ada";
  order.reason = "false alarm";
  order.victim = victim;
  incident.spec.release = order;
  const auto written = store.update_decisions(incident);
  if (!written) FAIL(written.error().to_string());
}

}  // namespace

TEST_CASE("a signal about a guest isolates it, and its release gives everything back") {
  Host host;
  Site site;
  const std::string uuid = host.uuid_of("web1");
  site.protect("web1");
  const std::string before = host.hypervisor().persistent_definition(uuid).value();
  ControllerProcess& controller = site.start();
  REQUIRE(answers("10.77.0.11"));

  const auto answer = controller.post(event_about("web1"));
  CHECK(answer.status == 202);
  CHECK_THAT(answer.body, Catch::Contains("\"opened\"") && Catch::Contains(incident_of(uuid)));
  CHECK(comes_true([&] { return isolation(host, uuid, incident_of(uuid)).holds(); }));
  CHECK_FALSE(answers("10.77.0.11"));
  CHECK_THAT(controller.post(event_about("web1")).body, Catch::Contains("\"duplicate\""));
  CHECK(comes_true(
      [&] { return controller.log().find("Redeployed=False NotSupported") != std::string::npos; }));
  CHECK(controller.scrape().find("kintsugi_containment") != std::string::npos);

  const auto found = site.incidents([](auto& store, const Incident& incident) {
    order_release(store, incident, ReleaseOrder::Victim::kRestore);
  });
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
  Site site;
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
  CHECK(isolation(host, watched, incident_of(watched)).reason == "NotInQuarantine");
}

TEST_CASE("somebody who takes the quarantine away finds it back") {
  Host host;
  Site site(/*pause=*/true);
  const std::string uuid = host.make_empty("restless");
  site.protect("restless");
  site.start().post(event_about("restless"));
  const auto is_isolated = [&] { return isolation(host, uuid, incident_of(uuid)).holds(); };
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

TEST_CASE("a controller that is killed at any moment ends in the same state") {
  Host host;
  std::mt19937 random(20261122);
  for (int round = 0; round < 8; ++round) {
    INFO("round " << round);
    Site site(/*pause=*/true);
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
    CHECK(comes_true([&] { return isolation(host, uuid, incident_of(uuid)).holds(); }));
    const auto found = site.incidents([](auto& store, const Incident& incident) {
      order_release(store, incident, ReleaseOrder::Victim::kRestore);
    });
    for (const Incident& incident : found) {
      UNSCOPED_INFO(incident.name << " " << to_string(stage_of(incident)));
      for (const TimelineEntry& entry : incident.status.timeline) UNSCOPED_INFO("  " << entry.message);
    }
    CHECK(found.size() == 1);
    site.start();
    CHECK(comes_true([&] { return host.hypervisor().persistent_definition(uuid).value() == before; }));
  }
}
