// SPDX-License-Identifier: Apache-2.0
//
// Breached machines that become what their golden image is, over crashes of whatever takes part.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "base/file.h"
#include "targets/libvirt/domain_disks.h"
#include "targets/libvirt/domain_quarantine.h"
#include "targets/libvirt/domain_rebuild.h"
#include "targets/libvirt/domain_target.h"
#include "tests/machines/host_site.h"
#include "tests/machines/machine_lab.h"
#include "tests/machines/rebuilt.h"
#include "tests/support/seed.h"

using namespace kintsugi;
using namespace kintsugi::machines;
using namespace kintsugi::support;
using namespace std::chrono_literals;

namespace {

using Victim = ReleaseOrder::Victim;

constexpr char kPlaybook[] = R"(
apiVersion: kintsugi.dev/v1alpha1
kind: Playbook
metadata: {name: rebuild}
spec:
  signals: [{source: falco, rules: ["Terminal shell*"]}]
  mode: full
  steps:
    - contain: {pause: true}
    - redeploy: {trustPolicy: golden}
    - verify: {readySeconds: 120, quietSeconds: 3}
)";

constexpr char kPolicyOfLists[] = R"(
apiVersion: kintsugi.dev/v1alpha1
kind: TrustPolicy
metadata: {name: golden}
spec:
  images: ["file://LAB/published/**"]
  authorities: [{openpgp: {file: LAB/published/key.asc}}]
)";

/// Rebuilt once, and nothing else: what every disturbance has to end in. Ends the controller.
void check_rebuilt(Host& host, Site& site, const std::string& uuid, const std::string& old_disk,
                   const std::string& old_hash) {
  const auto incidents = site.incidents();
  INFO(story_of(incidents));
  REQUIRE(incidents.size() == 1);
  const IncidentStatus& status = incidents[0].status;
  CHECK(status.outcome == Outcome::kRecovered);
  CHECK(status.times.contained <= status.times.redeployed);
  CHECK(status.times.redeployed <= status.times.recovered);
  CHECK(runs_rebuilt(host, uuid));
  CHECK(hash_of_file(old_disk) == old_hash);
  int layers = 0;
  for (const auto& entry : std::filesystem::directory_iterator(site.path() + "/state/images/machines"))
    layers += entry.path().extension() == ".qcow2" ? 1 : 0;
  CHECK(layers == 1);
  std::size_t ended = 0;
  for (const TimelineEntry& entry : status.timeline)
    ended += entry.message.starts_with("The breached machine's");
  CHECK(ended <= 1);
}

/// A real guest, from its breach to its recovery. Where there are `last_words`, one controller is killed as
/// soon as it has the signal, the next when it says the first of them, the next at the second, and so on.
void rebuild_guest(const std::string& name, int number, const std::vector<std::string>& last_words) {
  Host host;
  const std::string address = fmt::format("10.77.0.{}", number);
  REQUIRE(lab(fmt::format("guest {} 52:54:00:77:00:{} {}", name, number, address)));
  const std::string uuid = host.uuid_of(name);
  Site site(playbook_of("full",
                        "[contain: {}, collect: {}, redeploy: {trustPolicy: golden}, "
                        "verify: {readySeconds: 120, quietSeconds: 3}]"),
            golden_policy());
  site.protect(name, "",
               golden_image("golden.qcow2") +
                   fmt::format("<probe http='http://{0}/version' expect='web-1.0'/><probe agent='true'/>"
                               "<probe tcp='{0}:80'/>",
                               address));
  REQUIRE(inside(fmt::format("timeout 5 busybox wget -q -O - http://{}/cgi-bin/implant", address)));
  REQUIRE(calls_home(10));
  REQUIRE(fetch(address, "/cgi-bin/state") == "IMPLANTED");

  const InMachinesNetwork network;
  REQUIRE(site.start().post(event_about(name)).status == 202);
  const auto die_and_come_back = [&] {
    site.controller().kill();
    site.start();
  };
  if (!last_words.empty()) die_and_come_back();  // while it contains
  const std::string layer = targets::layer_path(disk_of(name), incident_of(uuid));
  REQUIRE(comes_true([&] { return std::filesystem::exists(layer); }));
  const std::string hash = hash_of_file(disk_of(name));
  for (const std::string& words : last_words) {
    REQUIRE(site.logs(words, 120s));
    die_and_come_back();
  }
  REQUIRE(site.logs("Closed=True", 240s));
  CHECK(std::filesystem::file_size(site.evidence_of(incident_of(uuid)) + "/dumps/memory.elf") > (100u << 20));
  CHECK(fetch(address, "/version") == "web-1.0");
  CHECK(fetch(address, "/cgi-bin/state") == "clean");
  CHECK(fetch(address, "/instance-id") == incident_of(uuid));
  CHECK_FALSE(calls_home(4));
  check_rebuilt(host, site, uuid, disk_of(name), hash);

  // For a person's eyes: the breached disk as it was at the containment, and what was written since.
  CHECK(std::filesystem::exists(layer));
  CHECK(look_at(host, uuid).persistent->rebuilt->root()->source == disk_of(name));
}

/// How a machine without an operating system is rebuilt, with the files for that.
targets::RebuildPlan plan_of(const std::string& name, const std::string& uuid) {
  targets::RebuildPlan plan;
  plan.incident = incident_of(uuid);
  plan.image = "file:///golden/<&'>.qcow2";
  plan.digest = "sha256:aa";
  plan.golden = lab_files() + "/images/golden.qcow2";
  plan.golden_format = "qcow2";
  plan.overlay = fmt::format("{}/images/{}.layer.qcow2", lab_files(), name);
  plan.seed = fmt::format("{}/images/{}.seed.iso", lab_files(), name);
  plan.generation = "00000000-0000-8000-a000-000000000001";
  plan.autostart = true;
  REQUIRE(write_file_durably(plan.seed, std::string(4096, ' ')));
  REQUIRE(
      std::system(fmt::format("qemu-img create -q -f qcow2 -F qcow2 -b '{}' '{}'", plan.golden, plan.overlay)
                      .c_str()) == 0);
  return plan;
}

}  // namespace

TEST_CASE("libvirt takes a rebuilt definition, keeps its mark, and starts the machine from the layer") {
  Host host;
  const std::string uuid = host.make_empty("planned");
  auto& hypervisor = host.hypervisor();
  const targets::RebuildPlan plan = plan_of("planned", uuid);
  const targets::DomainTarget target(hypervisor);
  const targets::DomainIsolation wanted{plan.incident, true, false};
  REQUIRE(target.cut_off(uuid, wanted));
  const auto original =
      targets::restored_definition(hypervisor.persistent_definition(uuid).value(), plan.incident).value();
  const auto rebuilt = targets::rebuilt_definition(original.xml, plan);
  REQUIRE(rebuilt);

  const auto defined = hypervisor.define(rebuilt->xml);
  if (!defined) FAIL(defined.error().to_string());
  auto domain = look_at(host, uuid);
  CHECK(domain.persistent->rebuilt == rebuilt->mark);
  CHECK_FALSE(domain.live->rebuilt);
  REQUIRE(target.cut_off(uuid, wanted));  // which is about the breached process alone
  CHECK(look_at(host, uuid).persistent->incident.empty());
  CHECK(hypervisor.start(uuid).error().code == ErrorCode::kConflict);
  REQUIRE(hypervisor.destroy(uuid));
  CHECK(hypervisor.destroy(uuid).error().code == ErrorCode::kConflict);
  CHECK_FALSE(look_at(host, uuid).live);
  const auto started = hypervisor.start(uuid);
  if (!started) FAIL(started.error().to_string());
  domain = look_at(host, uuid);
  CHECK(domain.live->rebuilt == rebuilt->mark);
  const Finding finding = targets::assess_rebuilt(domain, plan.incident);
  INFO(finding.message);
  CHECK(finding.holds());
  CHECK(domain.live->interfaces.front().link != targets::LinkState::kDown);
  CHECK(target.seal(uuid, wanted)->empty());
  CHECK(look_at(host, uuid).live->incident.empty());
  REQUIRE(hypervisor.destroy(uuid));
}

TEST_CASE("libvirt takes a definition from which everything was taken out that a playbook can name") {
  Host host;
  const std::string uuid = host.make_empty("hardened");
  auto& hypervisor = host.hypervisor();
  std::string original = hypervisor.persistent_definition(uuid).value();
  const auto insert = [&](const std::string& before, const std::string& more) {
    original.insert(original.rfind(before), more);
  };
  insert("</devices>",
         "<graphics type='vnc' port='-1' autoport='yes' listen='0.0.0.0'/>"
         "<channel type='unix'><target type='virtio' name='org.example.0'/></channel>"
         "<redirdev bus='usb' type='tcp'><source mode='connect' host='localhost' service='4000'/></redirdev>"
         "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0xbeef'/></source>"
         "</hostdev><shmem name='ring'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>");
  insert("</domain>",
         "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
         "<qemu:arg value='-no-such-option'/></qemu:commandline>");
  if (const auto defined = hypervisor.define(original); !defined) FAIL(defined.error().to_string());
  original = hypervisor.persistent_definition(uuid).value();
  REQUIRE_THAT(original, Catch::Contains("no-such-option") && Catch::Contains("0.0.0.0"));

  targets::RebuildPlan plan = plan_of("hardened", uuid);
  plan.harden = {Hardening::kNoHostDevices,   Hardening::kNoGuestAgent,       Hardening::kNoHostChannels,
                 Hardening::kNoSerialConsole, Hardening::kGraphicsOnLoopback, Hardening::kNoQemuCommandLine};
  const auto rebuilt = targets::rebuilt_definition(original, plan);
  REQUIRE(rebuilt);
  if (const auto defined = hypervisor.define(rebuilt->xml); !defined) FAIL(defined.error().to_string());
  REQUIRE(hypervisor.destroy(uuid));
  if (const auto started = hypervisor.start(uuid); !started) FAIL(started.error().to_string());
  const auto domain = look_at(host, uuid);
  CHECK(domain.live->passages == std::vector<targets::DomainPassage>());
  CHECK(targets::assess_rebuilt(domain, plan.incident).holds());
  const std::string live = hypervisor.live_definition(uuid).value();
  CHECK_THAT(live, Catch::Contains("listen='127.0.0.1'") && !Catch::Contains("0.0.0.0"));
  for (const char* word : {"qemu:", "<shmem", "<hostdev", "<redirdev", "<serial", "<console", "<channel"})
    CHECK_THAT(live, !Catch::Contains(word));
  REQUIRE(hypervisor.destroy(uuid));
}

TEST_CASE("a breached guest is isolated, preserved, rebuilt from its golden image, and answers as that does",
          "[installed]") {
  rebuild_guest("shop", 21, {});
}

TEST_CASE("a guest is rebuilt by controllers of which one is killed in each step") {
  rebuild_guest("reborn", 23,
                {"The memory is being written", "Redeployed=False Rebuilding",
                 "The breached machine's process was ended", "Redeployed=True", "Recovered=True Serves"});
}

TEST_CASE("a guest is rebuilt from the image that a list signed by OpenPGP names, and from no other list") {
  Host host;
  REQUIRE(lab("guest list 52:54:00:77:00:22 10.77.0.22"));
  const std::string uuid = host.uuid_of("list");
  const std::string folder = lab_files() + "/published";
  std::filesystem::create_directory(folder);
  std::filesystem::copy_file(lab_files() + "/images/golden.qcow2", folder + "/web.qcow2");
  REQUIRE(sign_list(folder));
  const std::string list = read_file(folder + "/SHA256SUMS", 1u << 16).value();
  REQUIRE(write_file_durably(folder + "/SHA256SUMS", list + std::string(64, 'a') + "  db.qcow2\n"));

  Site site(playbook_of("full",
                        "[contain: {}, redeploy: {trustPolicy: golden}, "
                        "verify: {readySeconds: 120, quietSeconds: 3}]"),
            with_lab(kPolicyOfLists));
  site.protect("list", "",
               fmt::format("<image source='{0}/web.qcow2' checksums='{0}/SHA256SUMS'/>"
                           "<probe http='http://10.77.0.22/version' expect='web-1.0'/>",
                           folder));
  REQUIRE(inside("timeout 5 busybox wget -q -O - http://10.77.0.22/cgi-bin/implant"));
  const InMachinesNetwork network;
  REQUIRE(site.start().post(event_about("list")).status == 202);
  REQUIRE(site.logs("Redeployed=False KeyMismatch"));
  CHECK_FALSE(look_at(host, uuid).persistent->rebuilt);
  CHECK_FALSE(look_at(host, uuid).live->rebuilt);

  // The list as it was signed: it is looked at again without a person.
  REQUIRE(write_file_durably(folder + "/SHA256SUMS", list));
  REQUIRE(site.logs("Recovered=True Serves", 120s));
  CHECK(fetch("10.77.0.22", "/cgi-bin/state") == "clean");
  CHECK(fetch("10.77.0.22", "/instance-id") == incident_of(uuid));
  REQUIRE(site.logs("Closed=True"));
  const std::string hash = hash_of_file(disk_of("list"));
  check_rebuilt(host, site, uuid, disk_of("list"), hash);
  const auto incidents = site.incidents();
  REQUIRE(incidents.at(0).status.images.size() == 1);
  CHECK_THAT(incidents[0].status.images[0].digest, Catch::Contains(list.substr(0, 64)));
}

TEST_CASE("a golden image that was tampered with changes nothing, and the release gives all back") {
  Host host;
  const std::string uuid = host.make_empty("tampered");
  const std::string before = host.hypervisor().persistent_definition(uuid).value();
  const std::string golden = lab_files() + "/images/golden.qcow2";
  std::string bytes = read_file(golden, 100u << 20).value();
  bytes.back() = char(bytes.back() ^ 1);
  const std::string evil = lab_files() + "/images/evil.qcow2";
  REQUIRE(write_file_durably(evil, bytes));
  std::filesystem::copy_file(golden + ".sigstore.json", evil + ".sigstore.json");
  Site site(kPlaybook, golden_policy());
  site.protect("tampered", "", golden_image("evil.qcow2"));
  const std::string protected_before = host.hypervisor().persistent_definition(uuid).value();
  REQUIRE(before != protected_before);
  site.start().post(event_about("tampered"));
  REQUIRE(site.logs("Redeployed=False"));
  CHECK(site.logs("waits for a person"));
  std::this_thread::sleep_for(2s);
  CHECK_FALSE(look_at(host, uuid).live->rebuilt);
  CHECK_FALSE(look_at(host, uuid).persistent->rebuilt);
  const auto found = site.incidents(
      [](auto& store, const Incident& incident) { order_release(store, incident, Victim::kRestore); });
  INFO(story_of(found));
  CHECK_FALSE(found.at(0).status.times.redeployed);
  site.start();
  CHECK(site.logs("Released by ada"));
  CHECK(host.hypervisor().persistent_definition(uuid).value() == protected_before);
  CHECK(host.hypervisor().status(uuid)->state == targets::DomainState::kRunning);
}

TEST_CASE(
    "a golden image that is replaced under a rebuilt machine is asked about, also by another controller") {
  Host host;
  const std::string uuid = host.make_empty("replaced");
  std::string playbook = kPlaybook;
  playbook.replace(playbook.find("quietSeconds: 3"), 15, "quietSeconds: 300");
  Site site(playbook, golden_policy());
  site.protect("replaced", "", golden_image("golden.qcow2"));
  site.start().post(event_about("replaced"));
  REQUIRE(site.logs("Recovered=True"));
  site.end();
  std::size_t replaced = 0;
  for (const auto& entry : std::filesystem::directory_iterator(site.path() + "/state/images")) {
    if (!entry.is_regular_file()) continue;
    const std::string kept = site.path() + "/kept";
    std::filesystem::rename(entry.path(), kept);
    std::filesystem::copy_file(kept, entry.path());
    ++replaced;
  }
  REQUIRE(replaced == 1);
  site.start();
  REQUIRE(site.logs("ImageChanged"));
  CHECK(site.logs("another file has taken the place"));
  const auto asked = site.incidents(
      [](auto& store, const Incident& incident) { order_approval(store, incident, "verify", true); });
  INFO(story_of(asked));
  CHECK(asked.at(0).status.awaiting == "verify");
  CHECK_FALSE(asked.at(0).status.times.recovered);
  site.start();
  CHECK(site.logs("Recovered=True"));
  CHECK(runs_rebuilt(host, uuid));
}

TEST_CASE("data disks are detached, read-only, or kept where a person agrees") {
  const bool is_approved = GENERATE(true, false);
  INFO((is_approved ? "approved" : "denied"));
  Host host;
  const std::string name = is_approved ? "approved" : "denied";
  const std::string uuid = host.make_empty(name);
  std::string definition = host.hypervisor().persistent_definition(uuid).value();
  for (const char* disk : {"vdb", "vdc", "vdd"}) {
    const std::string file = disk_of(name + "-" + disk);
    REQUIRE(std::system(("qemu-img create -q -f qcow2 " + file + " 4M").c_str()) == 0);
    definition.insert(definition.find("</devices>"),
                      fmt::format("<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source "
                                  "file='{}'/><target dev='{}' bus='virtio'/></disk>",
                                  file, disk));
  }
  REQUIRE(host.hypervisor().define(definition));
  REQUIRE(host.hypervisor().destroy(uuid));
  REQUIRE(host.hypervisor().start(uuid));
  Site site(kPlaybook, golden_policy());
  site.protect(name, "",
               golden_image("golden.qcow2") +
                   "<data-disk target='vdb' after='approval'/><data-disk target='vdc' after='read-only'/>");
  REQUIRE(site.start().post(event_about(name)).status == 202);
  REQUIRE(site.logs("disk vdb was the breached machine's: approve"));
  CHECK_FALSE(look_at(host, uuid).persistent->rebuilt);
  const std::string root_hash = hash_of_file(disk_of(name));
  const std::string detached_hash = hash_of_file(disk_of(name + "-vdd"));
  (void)site.incidents([&](auto& store, const Incident& incident) {
    order_approval(store, incident, "redeploy", is_approved);
  });
  site.start();
  REQUIRE(site.logs("Closed=True"));

  const targets::DomainObservation after = look_at(host, uuid);
  std::map<std::string, bool> writable;
  for (const targets::DomainDisk& disk : after.live->disks) writable[disk.target] = !disk.is_read_only;
  CHECK(writable.at("vda"));
  CHECK(writable.contains("vdb") == is_approved);
  if (is_approved) CHECK(writable.at("vdb"));
  CHECK_FALSE(writable.at("vdc"));
  CHECK_FALSE(writable.contains("vdd"));
  CHECK(hash_of_file(disk_of(name + "-vdd")) == detached_hash);
  std::set<std::string> left;  // what the rebuilt machine's metadata say of the disks that were taken out
  for (const targets::LeftDisk& disk : after.persistent->rebuilt->disks) left.insert(disk.target);
  CHECK(left ==
        (is_approved ? std::set<std::string>{"vda", "vdd"} : std::set<std::string>{"vda", "vdb", "vdd"}));
  check_rebuilt(host, site, uuid, disk_of(name), root_hash);
  REQUIRE(host.hypervisor().destroy(uuid));
}

TEST_CASE("a controller that is killed in any step of a rebuild ends in the same state") {
  Host host;
  int round = 0;
  for (const char* moment :
       {"Opened by signal", "Contained=True", "Accepted:", "Redeployed=False Rebuilding",
        "The breached machine's process was ended", "Redeployed=True", "Recovered=True"}) {
    INFO("killed when it says: " << moment);
    const std::string name = fmt::format("step{}", ++round);
    const std::string uuid = host.make_empty(name);
    Site site(kPlaybook, golden_policy());
    site.protect(name, "", golden_image("golden.qcow2"));
    site.start().post(event_about(name));
    REQUIRE(site.logs(moment));
    site.controller().kill();
    const std::string hash = hash_of_file(disk_of(name));
    site.start();
    const bool is_closed = site.logs("Closed=True");
    if (!is_closed) FAIL(story_of(site.incidents()));
    check_rebuilt(host, site, uuid, disk_of(name), hash);
    REQUIRE(host.hypervisor().destroy(uuid));
  }
}

TEST_CASE("a controller that is killed at random moments of a rebuild ends in the same state") {
  Host host;
  std::mt19937_64 random = support::seeded_dice();
  for (int round = 0; round < 6; ++round) {
    INFO("round " << round);
    const std::string name = fmt::format("random{}", round);
    const std::string uuid = host.make_empty(name);
    Site site(kPlaybook, golden_policy());
    site.protect(name, "", golden_image("golden.qcow2"));
    REQUIRE(site.start().post(event_about(name)).status == 202);
    for (int crash = 0; crash < 4; ++crash) {
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 1500));
      site.controller().kill();
      site.start();
    }
    const std::string hash = hash_of_file(disk_of(name));
    const auto is_closed = [&] {
      std::this_thread::sleep_for(3s);
      const bool is_over = site.incidents().at(0).is_over();
      if (!is_over) site.start();
      return is_over;
    };
    REQUIRE(comes_true(is_closed, 90s));
    check_rebuilt(host, site, uuid, disk_of(name), hash);
    REQUIRE(host.hypervisor().destroy(uuid));
  }
}

TEST_CASE("a libvirtd that is killed at any moment of a rebuild delays it, and changes nothing") {
  std::mt19937_64 random = support::seeded_dice();
  int round = 0;
  for (const char* moment : {"Accepted:", "Redeployed=False Rebuilding", "Redeployed=False Rebuilding",
                             "The breached machine's process was ended",
                             "The breached machine's process was ended", "Redeployed=True"}) {
    const std::chrono::milliseconds later(random() % 400);
    INFO("killed " << later.count() << " ms after the controller says: " << moment);
    Host host;
    const std::string name = fmt::format("daemon{}", ++round);
    const std::string uuid = host.make_empty(name);
    Site site(kPlaybook, golden_policy());
    site.protect(name, "", golden_image("golden.qcow2"));
    site.start().post(event_about(name));
    REQUIRE(site.logs("Contained=True"));
    const std::string hash = hash_of_file(disk_of(name));
    REQUIRE(site.logs(moment));
    std::this_thread::sleep_for(later);
    REQUIRE(lab("kill-daemon"));
    std::this_thread::sleep_for(500ms);
    REQUIRE(lab("restart-daemon"));
    REQUIRE(host.reconnects());
    const bool is_closed = site.logs("Closed=True", 90s);
    if (!is_closed) FAIL(story_of(site.incidents()));
    check_rebuilt(host, site, uuid, disk_of(name), hash);
    REQUIRE(host.hypervisor().destroy(uuid));
  }
}
