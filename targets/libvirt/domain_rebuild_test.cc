// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain_rebuild.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "targets/libvirt/domain_document.h"
#include "targets/libvirt/domain_quarantine.h"
#include "targets/libvirt/domain_target.h"

namespace kintsugi::targets {
namespace {

constexpr char kIncident[] = "inc-0123456789abcdef0123-1";
constexpr char kOther[] = "inc-0123456789abcdef0123-2";

std::string data(const std::string& name) {
  return read_file("targets/libvirt/testdata/" + name, kMaxDomainXmlBytes).value();
}

RebuildPlan plan() {
  RebuildPlan plan;
  plan.incident = kIncident;
  plan.image = "https://images.example.com/web.qcow2";
  plan.digest = "sha256:aa";
  plan.golden = "/images/aa.qcow2";
  plan.golden_format = "qcow2";
  plan.overlay = "/images/machines/u-1.qcow2";
  plan.seed = "/images/machines/u-1.seed.iso";
  plan.nvram = "/images/machines/u-1.nvram";
  plan.generation = "00000000-0000-8000-a000-000000000001";
  plan.autostart = true;
  return plan;
}

/// A definition with these disks and more.
std::string machine(const std::string& devices, const std::string& more = "") {
  return fmt::format("<domain><name>web1</name><uuid>u</uuid>{}<devices>{}</devices></domain>", more,
                     devices);
}

std::string disk(const std::string& target, const std::string& bus, const std::string& more = "") {
  return fmt::format(
      "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/old/{0}'/>"
      "<target dev='{0}' bus='{1}'/>{2}</disk>",
      target, bus, more);
}

Domain rebuilt(const std::string& original, const RebuildPlan& how = plan()) {
  const auto made = rebuilt_definition(original, how);
  if (!made) FAIL(made.error().to_string());
  return parse_domain(made->xml).value();
}

/// "vda=/path,…" of all disks.
std::string disks_of(const Domain& domain) {
  std::string text;
  for (const DomainDisk& one : domain.disks) {
    text += fmt::format("{}{}={}{}", text.empty() ? "" : ",", one.target, one.source,
                        one.is_read_only ? " ro" : "");
  }
  return text;
}

}  // namespace

TEST_CASE("a rebuilt machine is itself but for its root disk, first-boot data and shared folders") {
  const std::string before = data("persistent.xml");
  const auto made = rebuilt_definition(before, plan());
  REQUIRE(made);
  const Domain was = parse_domain(before).value();
  const Domain now = parse_domain(made->xml).value();
  CHECK(now.name == was.name);
  CHECK(now.uuid == was.uuid);
  CHECK(now.memory_bytes == was.memory_bytes);
  CHECK(now.interfaces == was.interfaces);
  CHECK(now.terms == was.terms);
  CHECK(now.passages.size() + 1 == was.passages.size());
  CHECK(now.disks ==
        std::vector<DomainDisk>{{"vda",
                                 "disk",
                                 "file",
                                 "/images/machines/u-1.qcow2",
                                 "qcow2",
                                 false,
                                 false,
                                 {"/images/aa.qcow2"},
                                 "qcow2"},
                                {"vdb", "disk", "file", "/images/machines/u-1.seed.iso", "raw", true, false},
                                {"sda", "cdrom", "file", "", "", true, false}});
  CHECK(now.rebuilt == made->mark);
  CHECK(made->mark.disks == std::vector<LeftDisk>{{"vda", "file", "/srv/vm/web1.g1.qcow2", "qcow2", true}});
  CHECK(made->mark.autostart);
  CHECK(made->remarks == std::vector<std::string>{"shared folder share is left out"});
  CHECK_THAT(made->xml, Catch::Contains("passwd=\"s3cret&amp;&quot;\"") && Catch::Contains("team-a") &&
                            Catch::Contains("bus=\"0x03\""));
  CHECK(rebuilt_definition(before, plan())->xml == made->xml);
}

TEST_CASE("nobody is given the golden file, and nothing is below it") {
  const std::string xml = rebuilt_definition(machine(disk("vda", "virtio")), plan())->xml;
  CHECK_THAT(xml, Catch::Contains("<source file=\"/images/machines/u-1.qcow2\"/>"
                                  "<backingStore type=\"file\"><format type=\"qcow2\"/>"
                                  "<source file=\"/images/aa.qcow2\"><seclabel model=\"dac\" relabel=\"no\"/>"
                                  "</source><backingStore/></backingStore>"));
  RebuildPlan raw = plan();
  raw.golden_format = "raw";
  CHECK_THAT(
      rebuilt_definition(machine(disk("vda", "virtio")), raw)->xml,
      Catch::Contains("<driver name=\"qemu\" type=\"qcow2\"/>") && Catch::Contains("<format type=\"raw\"/>"));
}

TEST_CASE("first-boot data are where the image's root disk is, by a name that is free") {
  const auto [devices, wanted] = GENERATE(table<std::string, std::string>({
      {disk("vda", "virtio"), "vda=O,vdb=S ro"},
      {disk("sda", "sata"), "sda=O,sdb=S ro"},
      {disk("sda", "scsi"), "sda=O,sdb=S ro"},
      {disk("hda", "ide"), "hda=O,hdb=S ro"},
      {disk("sda", "usb"), "sda=O,sdb=S ro"},
      {disk("vda", "virtio") + disk("vdb", "virtio"), "vda=O,vdc=S ro"},
      {disk("vda", "virtio") + disk("vdc", "virtio", "<readonly/>"), "vda=O,vdb=S ro,vdc=/old/vdc ro"},
      {"<disk type='file' device='disk'><source file='/old'/><target dev='hda'/></disk>", "hda=O,hdb=S ro"},
  }));
  std::string expected = wanted;
  expected.replace(expected.find('O'), 1, plan().overlay);
  expected.replace(expected.find('S'), 1, plan().seed);
  CHECK(disks_of(rebuilt(machine(devices))) == expected);
}

TEST_CASE("only a bus that has drives gets one") {
  CHECK(rebuilt(machine(disk("sda", "scsi"))).disks[1].device == "cdrom");
  CHECK(rebuilt(machine(disk("vda", "virtio"))).disks[1].device == "disk");
}

TEST_CASE("whatever the root disk was, it is a layer over the golden image") {
  for (const char* was : {
           "<disk type='block' device='lun' rawio='yes' sgio='unfiltered'><source dev='/dev/vg/web'/>"
           "<target dev='sda' bus='scsi'/></disk>",
           "<disk type='network' device='disk'><source protocol='rbd' name='pool/web'><host "
           "name='h'/></source>"
           "<auth username='u'><secret type='ceph' uuid='x'/></auth><target dev='vda' bus='virtio'/></disk>",
           "<disk type='volume' device='disk'><source pool='p' volume='v'/><target dev='vda'/></disk>",
           "<disk type='file' device='disk'><source file='/old'/><backingStore type='file'><source "
           "file='/evil'/></backingStore><transient/><encryption format='luks'/><target dev='vda'/></disk>",
           "<disk type='file' device='disk'><target dev='vda'/></disk>",
       }) {
    INFO(was);
    const auto made = rebuilt_definition(machine(was), plan());
    REQUIRE(made);
    const DomainDisk root = parse_domain(made->xml)->disks.front();
    CHECK(root.device == "disk");
    CHECK(root.type == "file");
    CHECK(root.source == plan().overlay);
    CHECK(root.backing == std::vector<std::string>{plan().golden});
    for (const char* trace : {"rawio", "sgio", "auth", "encryption", "transient", "/evil", "protocol"})
      CHECK_THAT(made->xml.substr(made->xml.find("<disk type")), !Catch::Contains(trace));
  }
}

TEST_CASE("data disks are left, kept or read-only as they were told, and never by default") {
  const std::string original = machine(disk("vda", "virtio") + disk("vdb", "virtio") + disk("vdc", "virtio") +
                                       disk("vdd", "virtio") + disk("vde", "virtio", "<readonly/>"));
  RebuildPlan how = plan();
  how.data_disks = {{"vdc", DataDiskFate::kReadOnly}, {"vdd", DataDiskFate::kKept}};
  const auto made = rebuilt_definition(original, how);
  REQUIRE(made);
  CHECK(disks_of(parse_domain(made->xml).value()) ==
        fmt::format("vda={},vdf={} ro,vdc=/old/vdc ro,vdd=/old/vdd,vde=/old/vde ro", how.overlay, how.seed));
  CHECK(made->mark.disks == std::vector<LeftDisk>{{"vda", "file", "/old/vda", "raw", true},
                                                  {"vdb", "file", "/old/vdb", "raw", false}});
}

TEST_CASE("the root disk is the one that the administrator names, else the first that is written to") {
  const std::string original =
      machine("<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>" +
              disk("vda", "virtio", "<readonly/>") + disk("vdb", "virtio") + disk("vdc", "virtio"));
  CHECK(rebuilt_definition(original, plan())->mark.root()->target == "vdb");
  RebuildPlan how = plan();
  how.root_disk = "vdc";
  CHECK(rebuilt_definition(original, how)->mark.root()->target == "vdc");
  how.root_disk = "vda";
  CHECK(rebuilt_definition(original, how)->mark.root()->target == "vda");
}

TEST_CASE("what cannot be rebuilt is an error that says why") {
  RebuildPlan names_none = plan();
  names_none.root_disk = "vdz\n";
  RebuildPlan names_root = plan();
  names_root.data_disks = {{"vda", DataDiskFate::kKept}};
  RebuildPlan names_unknown = plan();
  names_unknown.data_disks = {{"vdb", DataDiskFate::kKept}};
  std::string all;
  for (char letter = 'a'; letter <= 'z'; ++letter) all += disk(fmt::format("vd{}", letter), "virtio");
  struct Case {
    const char* name;
    std::string original;
    RebuildPlan how;
    ErrorCode code;
  };
  for (const Case& c : std::vector<Case>{
           {"no disk", machine(""), plan(), ErrorCode::kNotFound},
           {"only a CD", machine("<disk device='cdrom'><target dev='sda'/></disk>"), plan(),
            ErrorCode::kNotFound},
           {"no such root", machine(disk("vda", "virtio")), names_none, ErrorCode::kNotFound},
           {"a rule for the root", machine(disk("vda", "virtio")), names_root, ErrorCode::kNotFound},
           {"a rule for nothing", machine(disk("vda", "virtio")), names_unknown, ErrorCode::kNotFound},
           {"no name is free", machine(all), plan(), ErrorCode::kUnsupported},
           {"variables elsewhere",
            machine(disk("vda", "virtio"), "<os><nvram type='network'><source protocol='nbd'/></nvram></os>"),
            plan(), ErrorCode::kUnsupported},
           {"its own overlay",
            machine(fmt::format("<disk><source file='{}'/><target dev='vda'/></disk>", plan().overlay)),
            plan(), ErrorCode::kConflict},
           {"no definition", "<network/>", plan(), ErrorCode::kInvalidInput},
       }) {
    INFO(c.name);
    const auto made = rebuilt_definition(c.original, c.how);
    REQUIRE_FALSE(made);
    CHECK(made.error().code == c.code);
    CHECK(made.error().message.find('\n') == std::string::npos);
  }
}

TEST_CASE("firmware variables are new, and the old ones stay where they were") {
  for (const char* nvram : {"<nvram template='/t.fd'>/old/vars.fd</nvram>",
                            "<nvram type='file'><source file='/old/vars.fd'/></nvram>"}) {
    const std::string xml =
        rebuilt_definition(machine(disk("vda", "virtio"), fmt::format("<os>{}</os>", nvram)), plan())->xml;
    CHECK_THAT(xml, Catch::Contains(plan().nvram) && !Catch::Contains("/old/vars.fd"));
  }
}

TEST_CASE("the generation of a machine that has one is new") {
  const std::string xml =
      rebuilt_definition(machine(disk("vda", "virtio"), "<genid>11111111-old</genid>"), plan())->xml;
  CHECK_THAT(xml, Catch::Contains("<genid>" + plan().generation + "</genid>"));
  CHECK_THAT(rebuilt_definition(machine(disk("vda", "virtio")), plan())->xml, !Catch::Contains("genid"));
}

TEST_CASE("what keeps a trace of the breached machine is said") {
  const auto made = rebuilt_definition(machine(disk("vda", "virtio") + "<tpm/>"), plan());
  CHECK(made->remarks == std::vector<std::string>{"the TPM keeps what the breached machine left in it"});
}

TEST_CASE("names that are hostile stay text") {
  const auto made = rebuilt_definition(
      machine("<disk type='file'><source file=\"/old/a' b&quot;&lt;c&gt;&amp;\"/><target dev='vda' "
              "bus='virtio'/></disk>"),
      plan());
  REQUIRE(made);
  CHECK(parse_domain(made->xml)->rebuilt->disks.front().source == "/old/a' b\"<c>&");
}

TEST_CASE("a machine is rebuilt again, and its first rebuild's layer is the breached disk") {
  const std::string once = rebuilt_definition(data("persistent.xml"), plan())->xml;
  RebuildPlan again = plan();
  again.incident = kOther;
  again.overlay = "/images/machines/u-2.qcow2";
  again.seed = "/images/machines/u-2.seed.iso";
  const auto made = rebuilt_definition(once, again);
  REQUIRE(made);
  const Domain now = parse_domain(made->xml).value();
  CHECK(now.rebuilt->incident == kOther);
  CHECK(now.rebuilt->root()->source == plan().overlay);
  CHECK(now.disks.size() == 3);
  CHECK_THAT(made->xml, !Catch::Contains(plan().seed));
}

TEST_CASE("a quarantine over a rebuilt machine is taken away without a trace") {
  const std::string before = rebuilt_definition(data("persistent.xml"), plan())->xml;
  const std::string isolated = quarantined_definition(before, kIncident, true, {}).value();
  CHECK(parse_domain(isolated)->rebuilt == parse_domain(before)->rebuilt);
  CHECK(restored_definition(isolated, kIncident)->xml == before);
}

TEST_CASE("a machine counts as rebuilt when it runs from the layer over the golden image, and only then") {
  const auto reason = [](const auto& change) {
    DomainObservation domain;
    domain.status.state = DomainState::kRunning;
    domain.live = rebuilt(data("persistent.xml"));
    change(domain);
    return assess_rebuilt(domain, kIncident).reason;
  };
  CHECK(reason([](auto&) {}) == "Running");
  CHECK(reason([](auto& domain) { domain.live.reset(); }) == "NotRunning");
  CHECK(reason([](auto& domain) { domain.status.state = DomainState::kPaused; }) == "NotRunning");
  CHECK(reason([](auto& domain) { domain.live = parse_domain(data("live.xml")).value(); }) == "NotRebuilt");
  CHECK(reason([](auto& domain) { domain.live->rebuilt->incident = kOther; }) == "NotRebuilt");
  CHECK(reason([](auto& domain) { domain.live->rebuilt->disks.clear(); }) == "DiskChanged");
  CHECK(reason([](auto& domain) { domain.live->disks.front().source = "/srv/vm/web1.g1.qcow2"; }) ==
        "DiskChanged");
  CHECK(reason([](auto& domain) { domain.live->disks.front().backing = {"/images/bb.qcow2"}; }) ==
        "DiskChanged");
  CHECK(reason([](auto& domain) { domain.live->disks.front().backing.push_back("/images/cc.qcow2"); }) ==
        "DiskChanged");
  CHECK(reason([](auto& domain) { domain.live->disks.front().backing.clear(); }) == "DiskChanged");
  CHECK(reason([](auto& domain) { domain.live->disks.clear(); }) == "DiskChanged");
}

TEST_CASE("what an incident has rebuilt is not for it to contain") {
  DomainObservation domain;
  domain.live = parse_domain(data("live.xml")).value();
  domain.persistent = rebuilt(data("persistent.xml"));
  CHECK(without_rebuilt(domain, kIncident).live);
  CHECK_FALSE(without_rebuilt(domain, kIncident).persistent);
  CHECK(without_rebuilt(domain, kOther).persistent);
  domain.live = domain.persistent;
  CHECK_FALSE(without_rebuilt(domain, kIncident).live);
}

TEST_CASE("what a playbook wants taken out is left out of the rebuilt machine, and told") {
  RebuildPlan how = plan();
  how.harden = {Hardening::kNoGuestAgent, Hardening::kReadOnlyRootFilesystem};
  const std::string agent = "<channel><target type='virtio' name='org.qemu.guest_agent.0'/></channel>";
  const std::string original = machine(disk("vda", "virtio") + agent);
  const auto made = rebuilt_definition(original, how);
  REQUIRE(made);
  CHECK(parse_domain(made->xml)->passages.empty());
  CHECK(made->remarks == std::vector<std::string>{"channel org.qemu.guest_agent.0 is left out"});
  CHECK(rebuilt_definition(original, plan())->remarks.empty());
  CHECK(rebuilt(original).passages.size() == 1);
}

}  // namespace kintsugi::targets
