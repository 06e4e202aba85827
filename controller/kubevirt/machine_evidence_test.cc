// SPDX-License-Identifier: Apache-2.0
#include "controller/kubevirt/machine_evidence.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json_text.h"
#include "base/testing/scratch_directory.h"
#include "k8s-client/client/test_world.h"

namespace kintsugi::controller {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

Incident incident() {
  Incident incident;
  incident.name = "inc-1";
  incident.spec.target = {"VirtualMachineInstance", "shop", "web", "instance-1"};
  return incident;
}

/// A machine with a dump, and its instance, on a server that is a function.
struct Fixture {
  Fixture() {
    world.transport.serve([this](const net::HttpRequest& request) -> Result<net::HttpResponse> {
      const bool is_instance = request.url.find("virtualmachineinstances") != std::string::npos;
      if (is_instance && instance.empty()) return k8s::answer(404, k8s::failure(404, "NotFound"));
      const json document = {{"metadata", {{"name", "web"}, {"uid", is_instance ? instance : machine}}},
                             {"status", {{"memoryDumpRequest", {{"claimName", claim}, {"phase", phase}}}}}};
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
  ScratchDirectory directory;
  k8s::TestWorld world;
  k8s::Client client = world.client();
  metrics::Registry metrics{{}};
  evidence::DirectoryStore store{directory.path(), {}, world.clock};
  Slots slots{1, world.clock};
  const Incident about = incident();
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
  const auto [claim, phase] = GENERATE(table<std::string, std::string>(
      {{"dumps", "InProgress"}, {"dumps", "Failed"}, {"other", "Completed"}, {"dumps", ""}}));
  fixture.claim = claim;
  fixture.phase = phase;
  fixture.take();
  CHECK(fixture.is_kept());
  CHECK_THAT(fixture.why(), Catch::Contains("not complete"));
}

}  // namespace kintsugi::controller
