// SPDX-License-Identifier: Apache-2.0
//
// Evidence of real machines: what libvirt and QEMU make of what is asked of them.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "base/document.h"
#include "base/file.h"
#include "base/json_text.h"
#include "evidence/manifest.h"
#include "evidence/regular_file.h"
#include "targets/libvirt/domain_target.h"
#include "tests/machines/host_site.h"
#include "tests/machines/machine_lab.h"
#include "tests/support/seed.h"

using namespace kintsugi;
using namespace kintsugi::machines;
using namespace kintsugi::targets;
using namespace std::chrono_literals;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr char kIncident[] = "inc-0123456789abcdef0123-1";
/// The last one waits for a person, and may be ordered to release until then.
constexpr char kSteps[] = "[contain: {}, collect: {}, redeploy: {}]";

std::string hash_of(const std::string& file) {
  const auto opened = evidence::RegularFile::open(file);
  if (!opened) FAIL(opened.error().to_string());
  return opened->sha256([] { return true; }).value();
}

/// The manifest, once each of its files is what it says.
evidence::Manifest sound_manifest(const std::string& directory) {
  const auto text = read_file(directory + "/manifest.json", 1u << 20);
  if (!text) FAIL(text.error().to_string());
  const auto manifest = evidence::parse_manifest(*text);
  if (!manifest) FAIL(manifest.error().to_string());
  for (const evidence::File& file : manifest->files) {
    INFO(file.path);
    CHECK(hash_of(directory + "/" + file.path) == file.sha256);
    CHECK(fs::file_size(directory + "/" + file.path) == file.bytes);
  }
  for (const evidence::Failure& failure : manifest->failures)
    UNSCOPED_INFO(failure.collector << ": " << failure.message);
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    CHECK_FALSE(entry.path().string().ends_with(".unfinished"));
  return *manifest;
}

std::vector<std::string> collectors_of(const evidence::Manifest& manifest) {
  std::vector<std::string> names;
  for (const evidence::File& file : manifest.files) names.push_back(file.collector);
  std::sort(names.begin(), names.end());
  return names;
}

json read_json(const std::string& file) {
  const auto text = read_file(file, 1u << 20);
  if (!text) FAIL(text.error().to_string());
  return parse_json(*text).value();
}

DomainDisk first_disk(Host& host, const std::string& uuid) {
  return parse_domain(host.hypervisor().live_definition(uuid).value())->disks.front();
}

bool is_running(Host& host, const std::string& uuid) {
  return host.hypervisor().status(uuid).value().state == DomainState::kRunning;
}

const std::vector<std::string> kAll{"definition", "disks", "guest", "memory", "screenshot"};

}  // namespace

TEST_CASE("evidence of a guest is complete, and the guest runs on isolated") {
  Host host;
  Site site(playbook_of("contain-only", kSteps));
  const std::string uuid = host.uuid_of("web1");
  site.protect("web1");
  const std::string before = host.hypervisor().persistent_definition(uuid).value();
  const std::string disk = first_disk(host, uuid).source;
  site.start().post(event_about("web1"));
  REQUIRE(site.logs("EvidencePreserved=True Complete", 120s));
  CHECK(is_running(host, uuid));
  const std::string directory = site.evidence_of(incident_of(uuid));
  const auto manifest = sound_manifest(directory);
  CHECK(collectors_of(manifest) == kAll);

  std::ifstream memory(directory + "/dumps/memory.elf", std::ios::binary);
  std::string magic(4, ' ');
  memory.read(magic.data(), 4);
  CHECK(magic ==
        "\x7f"
        "ELF");
  const std::uint64_t guest_bytes = 256ull << 20;
  CHECK(fs::file_size(directory + "/dumps/memory.elf") >= guest_bytes);
  CHECK(fs::file_size(directory + "/dumps/memory.elf") < guest_bytes * 2);
  CHECK(fs::status(directory + "/dumps").permissions() == fs::perms::owner_all);
  const json said = read_json(directory + "/guest.json")["facts"];
  CHECK(said["os.machine"] == "x86_64");
  CHECK(json_text(said).find("10.77.0.11") != std::string::npos);

  const json frozen = read_json(directory + "/disks.json")["disks"][0];
  CHECK(frozen["state"] == "frozen");
  CHECK(frozen["path"] == disk);
  CHECK(frozen["sha256"] == hash_of(disk));
  CHECK(first_disk(host, uuid).source == layer_path(disk, incident_of(uuid)));
  // Nobody needs the agent any more.
  CHECK(comes_true([&] {
    const DomainTarget target(host.hypervisor());
    return assess_isolation(target.observe(uuid).value().value(), {incident_of(uuid), false, false}).holds();
  }));

  CHECK(site.release(ReleaseOrder::Victim::kRestore).size() == 1);
  site.start();
  CHECK(site.logs("Released by ada"));
  CHECK(host.hypervisor().persistent_definition(uuid).value() == before);
  CHECK(first_disk(host, uuid).source == disk);
  CHECK_FALSE(fs::exists(layer_path(disk, incident_of(uuid))));
  CHECK(comes_true([&] { return answers("10.77.0.11"); }));
}

TEST_CASE("a disk that is frozen is not written again, and has it all when it is given back") {
  Host host;
  const std::string uuid = host.uuid_of("web1");
  const DomainTarget target(host.hypervisor());
  const std::string before = host.hypervisor().persistent_definition(uuid).value();
  const std::string disk = first_disk(host, uuid).source;
  REQUIRE(target.freeze_disks(uuid, kIncident)->layers.size() == 1);
  REQUIRE(target.freeze_disks(uuid, kIncident)->layers.size() == 1);
  const std::string frozen = hash_of(disk);
  const std::string layer = layer_path(disk, kIncident);
  const auto layer_bytes = fs::file_size(layer);
  REQUIRE(inside("busybox wget -q -O - http://10.77.0.11/cgi-bin/implant"));
  CHECK(comes_true([&] { return fs::file_size(layer) > layer_bytes; }));
  CHECK(hash_of(disk) == frozen);

  CHECK_FALSE(target.restore(uuid, kIncident));
  CHECK(comes_true([&] {
    const auto given = target.give_back_disks(uuid, kIncident);
    if (!given) FAIL(given.error().to_string());
    return given->done;
  }));
  CHECK(first_disk(host, uuid).source == disk);
  CHECK(hash_of(disk) != frozen);
  CHECK(comes_true([&] { return !fs::exists(layer); }));
  CHECK(answers("10.77.0.11"));
  CHECK(host.hypervisor().persistent_definition(uuid).value() == before);
}

TEST_CASE("a controller that is killed while it collects ends with complete evidence") {
  Host host;
  const std::string uuid = host.uuid_of("web1");
  Site site(playbook_of("contain-only", kSteps));
  site.protect("web1");
  const std::string before = host.hypervisor().persistent_definition(uuid).value();
  std::mt19937_64 random = support::seeded_dice();
  const std::string directory = site.evidence_of(incident_of(uuid));
  const std::string disk = first_disk(host, uuid).source;
  const auto dies_and_comes_back = [&] {
    site.controller().kill();
    site.start();
  };
  site.start().post(event_about("web1"));
  // While libvirt writes the memory, and goes on with that without us.
  REQUIRE(comes_true([&] { return fs::exists(directory + "/dumps/memory.elf.unfinished"); }));
  dies_and_comes_back();
  for (int life = 0; life < 5; ++life) {
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 900));
    dies_and_comes_back();
  }
  // Whichever life it was that finished: the manifest is written last, and the incident hears of it at once.
  CHECK(comes_true([&] { return fs::exists(directory + "/manifest.json"); }, 120s));
  std::this_thread::sleep_for(2s);
  CHECK(collectors_of(sound_manifest(directory)) == kAll);
  CHECK(is_running(host, uuid));
  const auto preserved = site.release(ReleaseOrder::Victim::kRestore);
  REQUIRE(preserved.size() == 1);
  const Condition* evidence = find_condition(preserved[0].status, condition::kEvidencePreserved);
  REQUIRE(evidence != nullptr);
  CHECK(evidence->status == ConditionStatus::kTrue);
  CHECK(evidence->reason == "Complete");
  site.start();
  std::this_thread::sleep_for(std::chrono::milliseconds(random() % 500));
  dies_and_comes_back();
  CHECK(comes_true([&] { return host.hypervisor().persistent_definition(uuid).value() == before; }));
  CHECK(comes_true([&] { return answers("10.77.0.11"); }));
  CHECK_FALSE(fs::exists(layer_path(disk, incident_of(uuid))));
  const auto after = site.incidents();
  REQUIRE(after.size() == 1);
  CHECK(after[0].status.outcome == Outcome::kReleased);
}

TEST_CASE("a machine that is paused stays so, and one without a guest lacks what only a guest can say") {
  Host host;
  const std::string uuid = host.make_empty("still");
  Site site(playbook_of("contain-only", "[contain: {pause: true}, collect: {}]"));
  site.protect("still");
  const std::string disk = first_disk(host, uuid).source;
  site.start().post(event_about("still"));
  REQUIRE(site.logs("EvidencePreserved=True Partial", 60s));
  CHECK(host.hypervisor().status(uuid).value().state == DomainState::kPaused);
  CHECK(first_disk(host, uuid).source == disk);
  const auto manifest = sound_manifest(site.evidence_of(incident_of(uuid)));
  CHECK(collectors_of(manifest) == std::vector<std::string>{"definition", "disks", "memory", "screenshot"});
  REQUIRE(manifest.failures.size() == 1);
  CHECK(manifest.failures[0].collector == "guest");
  const json still = read_json(site.evidence_of(incident_of(uuid)) + "/disks.json")["disks"][0];
  CHECK(still["state"] == "still");
  CHECK(still["sha256"] == hash_of(disk));
}
