// SPDX-License-Identifier: Apache-2.0
#include "controller/kubevirt/machine_evidence.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json_text.h"
#include "base/testing/scratch_directory.h"
#include "k8s-client/client/test_world.h"
#include "targets/kubevirt/machine_evidence.h"

namespace kintsugi::controller {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

json dump(const std::string& claim, const std::string& phase, const std::string& start) {
  return {{"claimName", claim}, {"phase", phase}, {"startTimestamp", start}};
}

/// It has asked for a dump when the machine had one from the day before.
Incident incident() {
  Incident incident;
  incident.name = "inc-1";
  incident.spec.target = {"VirtualMachineInstance", "shop", "web", "instance-1"};
  targets::Machine machine;
  machine.meta.name_space = "shop";
  machine.meta.name = "web";
  machine.meta.uid = "machine-1";
  const Action action =
      targets::plan_memory_dump(machine, "dumps", dump("dumps", "Completed", "2025-01-01T00:00:00Z"));
  incident.status.journal.push_back({action, JournalEntry::State::kApplied, {}});
  return incident;
}

/// A machine with a dump, and its instance, on a server that is a function.
struct Fixture {
  Fixture() {
    world.transport.serve([this](const net::HttpRequest& request) -> Result<net::HttpResponse> {
      const bool is_instance = request.url.find("virtualmachineinstances") != std::string::npos;
      if (is_instance && instance.empty()) return k8s::answer(404, k8s::failure(404, "NotFound"));
      const json document = {{"metadata", {{"name", "web"}, {"uid", is_instance ? instance : machine}}},
                             {"status", {{"memoryDumpRequest", dump(claim, phase, start)}}}};
      return k8s::answer(200, json_text(document));
    });
  }

  void take() { take_memory_dump(session, {"VirtualMachine", "web", "machine-1"}, "dumps"); }
  bool is_kept() const { return read_file(directory / "inc-1/memory-dump.json", 1u << 16).has_value(); }
  std::string why() {
    const auto& failures = session.manifest().failures;
    return failures.empty() ? "" : failures.front().message;
  }

  std::string machine = "machine-1";
  std::string instance = "instance-1";
  std::string claim = "dumps";
  std::string phase = "Completed";
  std::string start = "2025-01-02T00:00:00Z";
  ScratchDirectory directory;
  k8s::TestWorld world;
  k8s::Client client = world.client();
  metrics::Registry metrics{{}};
  evidence::DirectoryStore store{directory.path(), {}, world.clock};
  Slots slots{1, world.clock};
  Incident about = incident();
  EvidenceSession session{
      {store, client, metrics, world.clock, slots}, about, world.clock.monotonic() + 20s, {}};
};

}  // namespace

TEST_CASE("a memory dump is evidence of the incident's instance, and of no other by that name") {
  Fixture fixture;
  SECTION("the same instance") {
    fixture.take();
    CHECK(fixture.is_kept());
    CHECK(fixture.why().empty());
    return;
  }
  SECTION("another instance of that name") {
    fixture.instance = "instance-2";
    fixture.take();
    CHECK_THAT(fixture.why(), Catch::Contains("another instance"));
  }
  SECTION("no instance any more") {
    fixture.instance.clear();
    fixture.take();
    CHECK_THAT(fixture.why(), Catch::Contains("cannot be told"));
  }
  SECTION("another machine of that name") {
    fixture.machine = "machine-2";
    fixture.take();
    CHECK_THAT(fixture.why(), Catch::Contains("another machine"));
  }
  CHECK_FALSE(fixture.is_kept());
}

TEST_CASE("a memory dump that is not complete says so, and what KubeVirt said of it is kept") {
  Fixture fixture;
  const auto [claim, phase, start] = GENERATE(
      table<std::string, std::string, std::string>({{"dumps", "InProgress", "2025-01-02T00:00:00Z"},
                                                    {"dumps", "Failed", "2025-01-02T00:00:00Z"},
                                                    {"other", "Completed", "2025-01-02T00:00:00Z"},
                                                    {"dumps", "", "2025-01-02T00:00:00Z"},
                                                    {"dumps", "Completed", "2025-01-01T00:00:00Z"}}));
  fixture.claim = claim;
  fixture.phase = phase;
  fixture.start = start;
  fixture.take();
  CHECK(fixture.is_kept());
  CHECK_THAT(fixture.why(), Catch::Contains("not complete"));
}

TEST_CASE("a memory dump that the incident was not given is missing at once, whatever the claim has") {
  Fixture fixture;
  const MonotonicTime started = fixture.world.clock.monotonic();
  SECTION("KubeVirt refused") {
    fixture.about.status.journal.front().state = JournalEntry::State::kAbandoned;
    fixture.take();
    CHECK_THAT(fixture.why(), Catch::Contains("no dump was made"));
  }
  SECTION("there was nothing to ask") {
    fixture.about.status.journal.clear();
    fixture.take();
    CHECK_THAT(fixture.why(), Catch::Contains("no dump was asked for"));
  }
  CHECK_FALSE(fixture.is_kept());
  CHECK(fixture.session.manifest().failures.front().collector == "memory");
  CHECK(fixture.world.clock.monotonic() == started);
}

}  // namespace kintsugi::controller
