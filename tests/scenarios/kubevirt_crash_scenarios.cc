// SPDX-License-Identifier: Apache-2.0
//
// kill -9 before and after each change that the controller makes for a virtual machine of KubeVirt, and at
// random calls: the end is the same as without, and nothing is done twice.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "checks.h"
#include "kubevirt_stand_in.h"
#include "tests/faults/proxy.h"
#include "tests/support/seed.h"

namespace kintsugi::scenarios {

using faults::Call;
using faults::Fault;
using faults::Rule;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr auto kPatience = 60s;
constexpr auto kPause = 20ms;

/// A change, as the API server sees it.
struct Change {
  const char* what;
  const char* method;
  const char* path_part;
};

constexpr Change kOpening{"open", "POST", "/incidents"};
constexpr Change kIsolation{"isolate", "PATCH", "/pods/"};
constexpr Change kPausing{"pause", "PUT", "/pause"};
constexpr Change kMemoryDump{"dump memory", "PUT", "/memorydump"};
constexpr Change kSnapshot{"snapshot", "POST", "/virtualmachinesnapshots"};
constexpr Change kPin{"pin", "PATCH", "/virtualmachines/"};
constexpr Change kRestart{"restart", "PUT", "/restart"};
constexpr Change kUnpausing{"unpause", "PUT", "/unpause"};
constexpr Change kDeletion{"delete", "DELETE", "/virtualmachineinstances/"};

std::size_t count_of(const std::vector<Call>& calls, const Change& change) {
  return std::size_t(std::count_if(calls.begin(), calls.end(), [&](const Call& call) {
    return call.succeeded() && !call.is_dry_run() && call.method == change.method &&
           call.path.find(change.path_part) != std::string::npos;
  }));
}

Rule cut(const Change& change, bool after) {
  Rule rule;
  rule.fault.kind = after ? Fault::Kind::kCutAfter : Fault::Kind::kCutBefore;
  rule.method = change.method;
  rule.path_part = change.path_part;
  rule.dry_runs = false;
  rule.most = 1;
  return rule;
}

Rule cut(std::size_t number, bool after) {
  Rule rule;
  rule.fault.kind = after ? Fault::Kind::kCutAfter : Fault::Kind::kCutBefore;
  rule.number = number;
  rule.most = 1;
  return rule;
}

/// One machine after another, each breached once, and the controller killed as rules say.
class Crashes {
 public:
  Crashes() : kubevirt_(scenario_), image_(scenario_.push_signed("shop/os", "1.0", "os 1.0")) {
    PlaybookText playbook;
    playbook.guards = "{maxTargetsPerMinute: 100}";
    playbook.collect = "{deadlineSeconds: 5, memoryDumpClaim: dumps}";
    scenario_.write_playbook(playbook);
  }

  /// What is contained and preserved, and waits for a person.
  void wait_for_person() {
    PlaybookText playbook;
    playbook.guards = "{maxTargetsPerMinute: 100}";
    playbook.redeploy = "{requireApproval: true}";
    scenario_.write_playbook(playbook);
  }

  Scenario& scenario() { return scenario_; }
  KubeVirt& kubevirt() { return kubevirt_; }
  const std::string& incident() const { return incident_; }
  const std::string& machine_name() const { return machine_; }
  const json& victim() const { return victim_; }
  const json& launcher() const { return launcher_; }
  std::vector<Call> calls() const { return proxy().calls(); }

  /// Another machine runs, and a controller that lives.
  void set_up(bool has_other_network = false) {
    if (life_ != nullptr) life_->kill();
    machine_ = fmt::format("db{}", ++rounds_);
    json made = machine(machine_, has_other_network ? image_.by_digest : image_.by_tag);
    if (has_other_network) attach_network(made);
    launcher_ = kubevirt_.run(made);
    victim_ = kubevirt_.instance(machine_);
    incident_.clear();
    proxy().begin();
    live();
    REQUIRE(proxy().wait_quiet(300ms, 20s));
  }

  /// From now on calls count; the first one that the rule fits kills the controller.
  void kill_at(Rule rule) {
    rule.hook = [life = life_](const Call&) { life->kill(); };
    proxy().begin({std::move(rule)});
  }
  void count_calls() { proxy().begin(); }
  void wait_until_killed() {
    scenario_.eventually("it is killed", [&] { return !life_->is_running(); });
  }

  /// Sends the signal until it is accepted, and starts the controller as often as it has died.
  void breach() {
    const std::string event = falco_event(launcher_).dump();
    drive("the signal is accepted", [&] {
      const auto answer = life_->try_post(event);
      if (!answer || answer->status != 202) return false;
      incident_ = json::parse(answer->body).at("results").at(0).at("incident");
      return true;
    });
  }

  json play_until(const std::string& what, const std::function<bool(const json&)>& is_so) {
    json seen;
    drive(what, [&] { return is_so(seen = scenario_.incident(incident_)); });
    return seen;
  }
  json play_until_closed() {
    return play_until("it is closed",
                      [](const json& now) { return condition_status(now, "Closed") == "True"; });
  }

  /// Rebuilt once, and nothing else: what every crash has to end in.
  void check_rebuilt(const json& closed) {
    CHECK(status_text(closed, "outcome") == "recovered");
    check_times(closed);
    const json now = kubevirt_.instance(machine_);
    REQUIRE(now.is_object());
    CHECK(uid_of(now) != uid_of(victim_));
    CHECK_FALSE(kubevirt_.is_paused(machine_));
    CHECK(kubevirt_.instances_made(machine_) == 2);
    CHECK(scenario_.get(k8s::kPods, name_of(launcher_)).is_null());
    const json rebuilt = scenario_.get(kMachines, machine_);
    CHECK(rebuilt["spec"]["template"]["spec"]["volumes"][0]["containerDisk"]["image"] == image_.by_digest);
    CHECK_FALSE(scenario_.get(kSnapshots, "kintsugi-" + incident_).is_null());
    for (const Change& change : {kPausing, kMemoryDump, kSnapshot, kPin, kRestart}) {
      INFO(change.what);
      CHECK(count_of(calls(), change) == 1);
    }
    for (const char* done : {"Done: stop the processors", "Done: snapshot", "Done: write the memory",
                             "Done: pin virtual machine", "Done: restart virtual machine"}) {
      INFO(done);
      CHECK(count_in_timeline(closed, done) == 1);
    }
    CHECK(count_in_timeline(closed, "Not done") == 0);
    CHECK(journal_ids(closed, "planned").empty());
  }

 private:
  faults::Proxy& proxy() const { return scenario_.proxy(); }

  void live() { life_ = &scenario_.start(); }

  void drive(const std::string& what, const std::function<bool()>& is_so) {
    scenario_.eventually(
        what,
        [&] {
          if (!life_->is_running()) live();
          return is_so();
        },
        kPatience);
  }

  mutable Scenario scenario_;
  KubeVirt kubevirt_;
  const Image image_;
  int rounds_ = 0;
  std::string machine_;
  std::string incident_;
  json victim_;
  json launcher_;
  ControllerProcess* life_ = nullptr;
};

bool world_has_schemas() {
  return Scenario().world().can_express(Ability::kSchemas);
}

}  // namespace

TEST_CASE("KubeVirt: a controller that is killed at any change of a rebuild ends in the same state",
          "[scenario]") {
  if (!world_has_schemas()) return;
  Crashes crashes;
  for (const Change& change : {kOpening, kIsolation, kPausing, kMemoryDump, kSnapshot, kPin, kRestart}) {
    for (const bool after : {false, true}) {
      INFO("killed " << (after ? "after: " : "before: ") << change.what);
      crashes.set_up();
      crashes.kill_at(cut(change, after));
      crashes.breach();
      crashes.check_rebuilt(crashes.play_until_closed());
    }
  }
}

TEST_CASE("KubeVirt: a controller that is killed at random calls of a rebuild ends in the same state",
          "[scenario]") {
  if (!world_has_schemas()) return;
  std::mt19937_64 dice = seeded_dice();
  Crashes crashes;
  crashes.set_up();
  crashes.count_calls();
  crashes.breach();
  crashes.check_rebuilt(crashes.play_until_closed());
  const std::size_t calls = crashes.calls().size();
  for (int round = 0; round < 8; ++round) {
    const std::size_t number = 1 + dice() % calls;
    const bool after = dice() % 2 == 0;
    INFO("killed " << (after ? "after" : "before") << " call " << number << " of about " << calls);
    crashes.set_up();
    crashes.kill_at(cut(number, after));
    crashes.breach();
    crashes.check_rebuilt(crashes.play_until_closed());
  }
}

TEST_CASE("KubeVirt: a controller that is killed while links go down or up leaves none down", "[scenario]") {
  if (!world_has_schemas()) return;
  Crashes crashes;
  for (const char* state : {"down", "up"}) {
    for (const bool after : {false, true}) {
      INFO("killed " << (after ? "after" : "before") << " the link goes " << state);
      crashes.set_up(/*has_other_network=*/true);
      const json before = crashes.scenario().get(kMachines, crashes.machine_name());
      const bool goes_down = state == std::string("down");
      if (goes_down) crashes.kill_at(cut(kPin, after));
      crashes.breach();
      if (!goes_down) {
        crashes.play_until("links are down", [](const json& now) {
          return count_in_timeline(now, "Done: take down the links") == 1;
        });
        crashes.kill_at(cut(kPin, after));
      }
      const json closed = crashes.play_until_closed();

      CHECK(status_text(closed, "outcome") == "recovered");
      CHECK(crashes.scenario().get(kMachines, crashes.machine_name())["spec"] == before["spec"]);
      CHECK(crashes.kubevirt().instances_made(crashes.machine_name()) == 2);
      CHECK(count_of(crashes.calls(), kPin) == (goes_down ? 2 : 1));
      CHECK(count_in_timeline(closed, "Done: take down the links") == 1);
      CHECK(count_in_timeline(closed, "its links back") == 1);
      CHECK(journal_ids(closed, "planned").empty());
    }
  }
}

TEST_CASE("KubeVirt: a controller that is killed during a release gives everything back once", "[scenario]") {
  if (!world_has_schemas()) return;
  Crashes crashes;
  crashes.wait_for_person();
  for (const Change& change : {kIsolation, kUnpausing}) {
    for (const bool after : {false, true}) {
      INFO("killed " << (after ? "after: " : "before: ") << change.what);
      crashes.set_up();
      crashes.breach();
      crashes.play_until("it waits",
                         [](const json& now) { return status_text(now, "awaiting") == "redeploy"; });
      crashes.kill_at(cut(change, after));
      crashes.scenario().release(crashes.incident(), "restore");
      const json closed = crashes.play_until_closed();

      CHECK(status_text(closed, "outcome") == "released");
      CHECK_FALSE(crashes.kubevirt().is_paused(crashes.machine_name()));
      const json restored = crashes.scenario().get(k8s::kPods, name_of(crashes.launcher()));
      CHECK(labels_of(restored) == labels_of(crashes.launcher()));
      CHECK(annotations_of(restored) == annotations_of(crashes.launcher()));
      CHECK(uid_of(crashes.kubevirt().instance(crashes.machine_name())) == uid_of(crashes.victim()));
      CHECK(count_of(crashes.calls(), kIsolation) == 1);
      CHECK(count_of(crashes.calls(), kUnpausing) == 1);
      CHECK(count_of(crashes.calls(), kPausing) == 0);
      CHECK(journal_ids(closed, "planned").empty());
    }
  }
}

TEST_CASE("KubeVirt: a machine whose pause was the last word of a killed controller runs after its release",
          "[scenario]") {
  if (!world_has_schemas()) return;
  Crashes crashes;
  crashes.set_up();
  crashes.kill_at(cut(kPausing, /*after=*/true));
  crashes.breach();
  crashes.wait_until_killed();
  REQUIRE(crashes.kubevirt().is_paused(crashes.machine_name()));
  crashes.scenario().release(crashes.incident(), "restore");
  const json closed = crashes.play_until_closed();

  CHECK(status_text(closed, "outcome") == "released");
  CHECK_FALSE(crashes.kubevirt().is_paused(crashes.machine_name()));
  CHECK(count_of(crashes.calls(), kPausing) == 1);
  CHECK(count_of(crashes.calls(), kUnpausing) == 1);
  CHECK(journal_ids(closed, "planned").empty());
}

TEST_CASE("KubeVirt: what a release overtakes is on record as what became of it", "[scenario]") {
  if (!world_has_schemas()) return;
  Crashes crashes;
  for (const Change& change : {kMemoryDump, kSnapshot, kPin, kRestart}) {
    for (const bool after : {false, true}) {
      INFO("killed " << (after ? "after: " : "before: ") << change.what);
      crashes.set_up();
      crashes.kill_at(cut(change, after));
      crashes.breach();
      crashes.wait_until_killed();
      const auto planned = journal_ids(crashes.scenario().incident(crashes.incident()), "planned");
      REQUIRE(planned.size() == 1);
      crashes.scenario().release(crashes.incident(), "leave");
      const json closed = crashes.play_until_closed();

      CHECK(status_text(closed, "outcome") == "released");
      REQUIRE(journal_ids(closed, "planned").empty());
      const bool is_seen = after && change.what != kSnapshot.what;
      CHECK(journal_ids(closed, is_seen ? "applied" : "abandoned").back() == planned.front());
    }
  }
}

TEST_CASE("KubeVirt: a controller that is killed while it deletes an instance deletes no other",
          "[scenario]") {
  if (!world_has_schemas()) return;
  Crashes crashes;
  crashes.wait_for_person();
  for (const bool after : {false, true}) {
    INFO("killed " << (after ? "after" : "before"));
    crashes.set_up();
    crashes.breach();
    crashes.play_until("it waits",
                       [](const json& now) { return status_text(now, "awaiting") == "redeploy"; });
    crashes.kill_at(cut(kDeletion, after));
    crashes.scenario().release(crashes.incident(), "delete");
    const json closed = crashes.play_until_closed();

    CHECK(status_text(closed, "outcome") == "released");
    crashes.scenario().eventually("another instance runs", [&] {
      const json now = crashes.kubevirt().instance(crashes.machine_name());
      return now.is_object() && uid_of(now) != uid_of(crashes.victim());
    });
    CHECK(crashes.kubevirt().instances_made(crashes.machine_name()) == 2);
    CHECK(count_of(crashes.calls(), kDeletion) == 1);
    CHECK(journal_ids(closed, "planned").empty());
  }
}

}  // namespace kintsugi::scenarios
