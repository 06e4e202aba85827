// SPDX-License-Identifier: Apache-2.0
#include "host/domain_evidence.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/testing/scratch_directory.h"
#include "targets/libvirt/domain_disks.h"
#include "targets/libvirt/testing/fake_hypervisor.h"

namespace kintsugi::host {
namespace {

using controller::Collected;
using nlohmann::json;
using targets::testing::FakeHypervisor;
using namespace std::chrono_literals;

constexpr char kUuid[] = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";
constexpr char kIncident[] = "inc-0123456789abcdef0123-1";

std::string data(const std::string& name) {
  return read_file("targets/libvirt/testdata/" + name, targets::kMaxDomainXmlBytes).value();
}

/// A store whose disk has as much room as it is told.
struct World {
  World() {
    host.screen = {"image/png", "\x89PNG"};
    host.facts = {{"os.name", "Debian"}, {"hostname", "web1"}};
    incident.name = kIncident;
    incident.spec.target = {"Domain", "host", "web1", kUuid};
  }

  Result<Collected> collect(const CollectStep& step = {}, std::chrono::nanoseconds time = 600s,
                            const std::stop_token& stop = {}) {
    if (step.guest_facts && !evidence.has_asked_guest(kIncident)) evidence.ask_guest(incident, stop);
    auto collected = evidence.collect(incident, step, clock.monotonic() + time, stop);
    evidence.results().keep(kIncident, collected);
    return collected;
  }
  std::string read(const std::string& path) const {
    return read_file(directory / kIncident + "/" + path, 1u << 20).value_or("");
  }
  json manifest() const { return parse_json(read("manifest.json")).value_or(nullptr); }
  std::string why(const std::string& collector) const {
    const json all = manifest();
    for (const json& failure : all["failures"]) {
      if (failure["collector"] == collector) return failure["message"];
    }
    return "";
  }
  json disk(const std::string& target) const {
    const json all = parse_json(read("disks.json")).value();
    for (const json& one : all["disks"]) {
      if (one["target"] == target) return one;
    }
    return {};
  }
  /// The disk of web1 as a file of this test, with the layer of the incident above it.
  void freeze_disk() {
    const std::string file = directory / "web1.qcow2";
    std::ofstream(file) << "the disk";
    for (std::string* definition : {&host.live, &host.persistent}) {
      const std::string before = "/srv/vm/web1.g1.qcow2";
      definition->replace(definition->find(before), before.size(), targets::layer_path(file, kIncident));
    }
  }

  const ScratchDirectory directory;
  ManualClock clock;
  evidence::DiskSpace space{100ull << 30, 200ull << 30};
  FakeHypervisor host{data("live.xml"), data("persistent.xml")};
  evidence::DirectoryStore store{
      directory.path(), {}, clock, [this](const std::string&) { return Result<evidence::DiskSpace>(space); }};
  metrics::Registry metrics{{}};
  DomainEvidence evidence{&store, host, metrics, clock};
  Incident incident;
};

std::vector<std::string> sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TEST_CASE("everything that a machine has is kept, with its hash") {
  World world;
  world.freeze_disk();
  const auto collected = world.collect();
  REQUIRE(collected);
  CHECK(collected->failures.empty());
  CHECK(collected->has_definition);
  CHECK(world.read("domain.xml") == world.host.live);
  CHECK(parse_json(world.read("guest.json")).value()["facts"]["hostname"] == "web1");
  CHECK(world.read("screenshot.png") == world.host.screen->bytes);
  CHECK(world.read("dumps/memory.elf") == world.host.memory);
  std::vector<std::string> paths;
  const json manifest = world.manifest();
  for (const json& file : manifest["files"]) {
    paths.push_back(file["path"]);
    CHECK(file["sha256"] == sha256_hex(world.read(paths.back())));
  }
  CHECK(sorted(paths) == std::vector<std::string>{"disks.json", "domain.xml", "dumps/memory.elf",
                                                  "guest.json", "screenshot.png"});
  const json disk = world.disk("vda");
  CHECK(disk["state"] == "frozen");
  CHECK(disk["path"] == world.directory / "web1.qcow2");
  CHECK(disk["layer"] == world.directory / "web1.qcow2." + kIncident);
  CHECK(disk["sha256"] == sha256_hex("the disk"));
  CHECK(disk["virtualBytes"] == 48u << 20);
}

TEST_CASE("what cannot be had is named with its reason, and the rest is kept") {
  struct Case {
    const char* name;
    void (*change)(World& world);
    std::vector<std::string> failures;
    const char* collector;
    const char* why;
  };
  const Case cases[] = {
      {"no screen",
       [](World& world) { world.host.screen.reset(); },
       {"screenshot"},
       "screenshot",
       "no screen"},
      {"a guest that is paused cannot be asked",
       [](World& world) { world.host.is_paused = true; },
       {"guest"},
       "guest",
       "paused"},
      {"no agent",
       [](World& world) {
         world.host.live.replace(world.host.live.find("org.qemu.guest_agent.0"), 3, "not");
         world.host.live.replace(world.host.live.rfind("org.qemu.guest_agent.0"), 3, "not");
       },
       {"guest"},
       "guest",
       "not connected"},
      {"another job has the domain",
       [](World& world) { world.host.is_busy = true; },
       {"memory"},
       "memory",
       "busy"},
      {"no room on the disk",
       [](World& world) { world.space.free_bytes = 1ull << 30; },
       {"memory"},
       "memory",
       "1073741824 free"},
      {"more memory than the domain has by its definition",
       [](World& world) {
         world.host.live.replace(world.host.live.find("262144"), 6, "000000");
         world.host.memory = std::string((256u << 20) + 1, 'x');
       },
       {"memory"},
       "memory",
       "there was room for"},
      {"disks that were not frozen",
       [](World& world) {
         const std::string layer = world.directory / "web1.qcow2." + kIncident;
         world.host.live.replace(world.host.live.find(layer), layer.size(), "/srv/vm/web1.qcow2");
       },
       {"disks"},
       "disks",
       "still written to: vda"},
      {"a machine that is off",
       [](World& world) { world.host.live.clear(); },
       {"guest", "memory", "screenshot"},
       "memory",
       "does not run"},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    World world;
    world.freeze_disk();
    c.change(world);
    const auto collected = world.collect();
    REQUIRE(collected);
    CHECK(collected->has_definition);
    CHECK(sorted(collected->failures) == c.failures);
    CHECK_THAT(world.why(c.collector), Catch::Contains(c.why));
    CHECK_FALSE(world.read("disks.json").empty());
  }
}

TEST_CASE("the memory of another machine or process is never evidence of the victim") {
  constexpr char kOther[] = "5dea22b3-1d52-d8f3-2516-782e98ab3fa0";
  const auto replace = [](std::string& xml, const std::string& what, const std::string& by) {
    xml.replace(xml.find(what), what.size(), by);
  };
  const std::string rebuilt = "<metadata><a:rebuild xmlns:a='https://kintsugi.dev/rebuild/v1' incident='" +
                              std::string(kIncident) + "'/></metadata><memory";
  World world;
  const auto [what, is_kept, change] = GENERATE_REF(table<std::string, bool, std::function<void()>>({
      {"nothing", true, [&] {}},
      {"another UUID under that name", false, [&] { replace(world.host.live, kUuid, kOther); }},
      {"started anew", false, [&] { replace(world.host.live, "id='3'", "id='4'"); }},
      {"rebuilt", false, [&] { replace(world.host.live, "<memory", rebuilt); }},
      {"unreadable", false, [&] { world.host.live = "<domain/>"; }},
      {"ended", true, [&] { world.host.live.clear(); }},
  }));
  INFO(what);
  world.host.while_dumping = change;
  REQUIRE(world.collect());
  CHECK(world.why("memory").empty() == is_kept);
  CHECK((world.read("dumps/memory.elf") == world.host.memory) == is_kept);
}

TEST_CASE("a machine with another UUID gives no evidence at all") {
  World world;
  world.host.live.replace(world.host.live.find(kUuid), 1, "5");
  const auto collected = world.collect();
  REQUIRE(collected);
  CHECK_FALSE(collected->has_definition);
  CHECK_THAT(world.why("definition"), Catch::Contains("another UUID"));
  CHECK(world.read("domain.xml").empty());
  CHECK(world.read("dumps/memory.elf").empty());
}

TEST_CASE("what is not asked for is neither taken nor missed") {
  World world;
  const auto collected =
      world.collect({.memory = false, .disks = false, .screenshot = false, .guest_facts = false});
  REQUIRE(collected);
  CHECK(collected->failures.empty());
  CHECK(world.manifest()["files"].size() == 1);
  CHECK_FALSE(world.evidence.has_asked_guest(kIncident));
}

TEST_CASE("past the deadline the definition is taken, and the rest is missed by name") {
  World world;
  world.freeze_disk();
  const auto collected = world.collect({}, -1s);
  REQUIRE(collected);
  CHECK(collected->has_definition);
  CHECK(sorted(collected->failures) == std::vector<std::string>{"memory", "screenshot"});
  CHECK(world.disk("vda")["notHashed"] == "the deadline passed meanwhile");
}

TEST_CASE("a disk is hashed only where that means something") {
  World world;
  world.freeze_disk();
  world.host.is_paused = true;
  const auto reason = [&](const char* from, const std::string& to) {
    std::filesystem::remove_all(world.directory / kIncident);
    World other;
    other.host.is_paused = true;
    other.host.live.replace(other.host.live.find(from), std::string(from).size(), to);
    REQUIRE(other.collect());
    return other.disk("vda").value("notHashed", "");
  };
  CHECK_THAT(reason("/srv/vm/web1.g1.qcow2", "/nothing/there"), Catch::Contains("No such file"));
  CHECK_THAT(reason("/srv/vm/web1.g1.qcow2", "/dev/zero"), Catch::Contains("not a regular file"));
  CHECK_THAT(reason("type='file' device='disk'", "type='block' device='disk'"), Catch::Contains("no file"));
  CHECK_THAT(reason("<target dev='vda' bus='virtio'/>", "<target dev='vda' bus='virtio'/><readonly/>"),
             Catch::Contains("cannot write"));
}

TEST_CASE("what a process before a crash has kept is not taken again") {
  World world;
  world.freeze_disk();
  // The process ends after the dump has been adopted: all is there but the manifest.
  REQUIRE(world.collect());
  std::filesystem::remove(world.directory / kIncident + "/manifest.json");
  std::filesystem::remove(world.directory / kIncident + "/disks.json");
  const std::string memory = std::exchange(world.host.memory, "other memory");
  world.host.facts = {{"hostname", "other"}};
  DomainEvidence next(&world.store, world.host, world.metrics, world.clock);
  CHECK_FALSE(next.has_asked_guest(kIncident));
  next.ask_guest(world.incident, {});
  const auto collected = next.collect(world.incident, {}, world.clock.monotonic() + 600s, {});
  REQUIRE(collected);
  CHECK(collected->failures.empty());
  CHECK(world.read("dumps/memory.elf") == memory);
  CHECK(parse_json(world.read("guest.json")).value()["facts"]["hostname"] == "web1");
  CHECK(world.manifest()["files"].size() == 5);
  // Finished: the manifest is the evidence, whatever happens to the machine.
  world.host.live.clear();
  world.host.persistent.clear();
  const auto again = next.collect(world.incident, {}, world.clock.monotonic() + 600s, {});
  REQUIRE(again);
  CHECK(again->manifest_sha256 == collected->manifest_sha256);
}

TEST_CASE("a host that is away is asked again, and in the end what could be had is kept") {
  World world;
  world.freeze_disk();
  for (int attempt = 1; attempt < controller::kMaxCollections; ++attempt) {
    world.host.fail_change(1, /*after=*/false);
    const auto collected = world.collect();
    REQUIRE_FALSE(collected);
    CHECK(collected.error().code == ErrorCode::kUnavailable);
    CHECK(world.read("manifest.json").empty());
  }
  world.host.fail_change(1, /*after=*/false);
  const auto last = world.collect();
  REQUIRE(last);
  CHECK(last->failures == std::vector<std::string>{"memory"});
}

TEST_CASE("a collection that was stopped vouches for nothing, and leaves nothing half written") {
  World world;
  std::stop_source stop;
  stop.request_stop();
  const auto collected = world.collect({}, 600s, stop.get_token());
  REQUIRE_FALSE(collected);
  CHECK(collected.error().code == ErrorCode::kCancelled);
  CHECK(world.read("manifest.json").empty());
  CHECK(world.read("dumps/memory.elf").empty());
}

TEST_CASE("without a definition there is nothing") {
  World world;
  world.host.live.clear();
  world.host.persistent.clear();
  const auto collected = world.collect();
  REQUIRE(collected);
  CHECK_FALSE(collected->has_definition);
  CHECK(judge_collection(collected, 1, true, kDomainWords)->reason == "DefinitionMissing");
}

TEST_CASE("what a guest says is kept as text, whatever it is") {
  World world;
  world.host.facts = {{"hostname", "\xff\xfe<script>\x1b[2J"}, {"users", std::string(4096, 'x')}};
  REQUIRE(world.collect());
  const json said = parse_json(world.read("guest.json")).value_or(nullptr);
  REQUIRE(said.is_object());
  CHECK(said["facts"]["hostname"].get<std::string>().ends_with("<script>\x1b[2J"));
}

TEST_CASE("a machine without a place for its evidence says so") {
  World world;
  DomainEvidence nowhere(nullptr, world.host, world.metrics, world.clock);
  nowhere.ask_guest(world.incident, {});
  const auto collected = nowhere.collect(world.incident, {}, world.clock.monotonic() + 600s, {});
  REQUIRE_FALSE(collected);
  CHECK_THAT(collected.error().to_string(), Catch::Contains("--evidence-dir"));
}

}  // namespace kintsugi::host
