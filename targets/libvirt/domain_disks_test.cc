// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain_disks.h"

#include <catch2/catch.hpp>

#include "targets/libvirt/domain_document.h"

namespace kintsugi::targets {
namespace {

constexpr char kIncident[] = "inc-0123456789abcdef0123-1";

DomainDisk disk(std::string target, std::string source) {
  return {std::move(target), "disk", "file", std::move(source), "qcow2", false, false};
}

}  // namespace

TEST_CASE("the files that only this guest writes get a layer, and nothing else does") {
  struct Case {
    const char* name;
    DomainDisk disk;
    bool gets_layer;
    bool goes_on_changing;
  };
  const Case cases[] = {
      {"a file", disk("vda", "/vm/a"), true, true},
      {"a raw file", {"vda", "disk", "file", "/vm/a", "raw", false, false}, true, true},
      {"read only", {"vda", "disk", "file", "/vm/a", "raw", true, false}, false, false},
      {"of several machines", {"vda", "disk", "file", "/vm/a", "raw", false, true}, false, true},
      {"a CD-ROM", {"sda", "cdrom", "file", "/vm/a.iso", "raw", true, false}, false, false},
      {"an empty drive", {"sda", "cdrom", "file", "", "", true, false}, false, false},
      {"a floppy", {"fda", "floppy", "file", "/vm/f", "raw", false, false}, false, false},
      {"a block device", {"vda", "disk", "block", "/dev/vg/a", "raw", false, false}, false, true},
      {"a volume", {"vda", "disk", "volume", "a", "qcow2", false, false}, false, true},
      {"of the network", {"vda", "disk", "network", "a", "raw", false, false}, false, true},
      {"a LUN", {"sda", "lun", "block", "/dev/sdb", "raw", false, false}, false, true},
      {"frozen already", disk("vda", layer_path("/vm/a", kIncident)), false, false},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    Domain domain;
    domain.disks = {c.disk};
    const DiskFreezing plan = plan_disk_freezing(domain, kIncident);
    CHECK(plan.layers.size() == (c.gets_layer ? 1 : 0));
    CHECK(plan.snapshot.empty() == !c.gets_layer);
    CHECK((state_of(c.disk, kIncident, true) == DiskState::kChanging) == c.goes_on_changing);
  }
}

TEST_CASE("the snapshot names every disk, so that none is taken by default") {
  Domain domain;
  domain.disks = {disk("vda", "/vm/a&b"),
                  {"sda", "cdrom", "file", "", "", true, false},
                  {"vdb", "disk", "block", "/dev/vg/b", "raw", false, false}};
  const DiskFreezing plan = plan_disk_freezing(domain, kIncident);
  CHECK(plan.snapshot ==
        "<domainsnapshot><disks><disk name=\"vda\" snapshot=\"external\" type=\"file\">"
        "<driver type=\"qcow2\"/><source file=\"/vm/a&amp;b.inc-0123456789abcdef0123-1\"/></disk>"
        "<disk name=\"sda\" snapshot=\"no\"/><disk name=\"vdb\" snapshot=\"no\"/>"
        "</disks></domainsnapshot>");
  CHECK(plan.others == std::vector<std::string>{"vdb (block)"});
}

TEST_CASE("a layer is known by the incident in its name, and by nothing less") {
  Domain domain;
  domain.disks = {disk("vda", layer_path("/vm/a", kIncident)),
                  disk("vdb", std::string("/vm/b") + kIncident),
                  disk("vdc", layer_path("/vm/c", "inc-0123456789abcdef0123-11")),
                  disk("vdd", layer_path("/vm/d", "inc-0123456789abcdef0123-2")),
                  disk("vde", kIncident),
                  {"vdf", "disk", "block", layer_path("/dev/f", kIncident), "raw", false, false}};
  CHECK(layers_of(domain, kIncident) ==
        std::vector<DiskLayer>{{"vda", "/vm/a", layer_path("/vm/a", kIncident)}});
}

TEST_CASE("what becomes of a disk that nobody writes to is said") {
  CHECK(state_of(disk("vda", "/vm/a"), kIncident, false) == DiskState::kStill);
  CHECK(state_of({"vda", "disk", "file", "/vm/a", "raw", false, true}, kIncident, false) ==
        DiskState::kChanging);
  CHECK(state_of({"vda", "disk", "file", "/vm/a", "raw", true, false}, kIncident, true) ==
        DiskState::kReadOnly);
}

}  // namespace kintsugi::targets
