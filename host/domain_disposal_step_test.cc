// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "host/testing/rebuild_site.h"

namespace kintsugi::host {
namespace {

using testing::RebuildSite;

/// A machine whose disks are real files, rebuilt and closed, under a playbook that has the victim deleted.
struct Disposal {
  Disposal() {
    Playbook playbook = testing::rebuild_playbook();
    ReleaseStep release;
    release.victim = ReleaseStep::Victim::kDelete;
    release.after = std::chrono::seconds(100);
    playbook.steps.push_back({release});
    site.book.set_playbooks({playbook});
    for (std::string* xml : {&site.machine.live, &site.machine.persistent}) {
      const std::string was = "/srv/vm/web1.g1.qcow2";
      for (std::size_t at = 0; (at = xml->find(was, at)) != std::string::npos; ++at)
        xml->replace(at, was.size(), disk);
    }
    site.machine.persistent.insert(
        site.machine.persistent.find("<controller"),
        fmt::format("<disk type='file'><source file='{}'/><target dev='vdb' bus='virtio'/></disk>", data));
    site.open();
    REQUIRE(site.comes(Stage::kClosed));
  }
  bool is_asked() {
    return site.comes([&] { return site.incident().status.awaiting == "release"; }, 150);
  }
  bool is_there() const { return std::filesystem::exists(std::filesystem::symlink_status(disk)); }
  /// After a person has agreed.
  void approve(int seconds = 5) {
    site.decide("release", true);
    site.comes([] { return false; }, seconds);
  }

  RebuildSite site;
  const std::string disk = site.directory.write("old.qcow2", "breached");
  const std::string data = site.directory.write("data.qcow2", "data");
};

}  // namespace

TEST_CASE("a breached disk is deleted after its retention, when a person agrees, and once") {
  Disposal disposal;
  CHECK(disposal.is_there());
  const std::string layer =
      disposal.site.directory.write("old.qcow2." + testing::kIncident, "written after the containment");
  CHECK_FALSE(disposal.site.comes([&] { return !disposal.site.incident().status.awaiting.empty(); }, 90));
  REQUIRE(disposal.is_asked());
  CHECK_THAT(disposal.site.incident().status.awaiting_reason, Catch::Contains(disposal.disk));
  CHECK(disposal.is_there());
  disposal.approve();
  CHECK_FALSE(disposal.is_there());
  CHECK_FALSE(std::filesystem::exists(layer));
  CHECK(std::filesystem::exists(disposal.data));
  CHECK(disposal.site.machine_files().size() == 2);
  CHECK_THAT(disposal.site.timeline(), Catch::Contains("Done: delete the breached disk"));
  disposal.site.directory.write("old.qcow2", "somebody else's");
  disposal.site.restart();
  disposal.site.comes([] { return false; }, 10);
  CHECK(disposal.is_there());
}

TEST_CASE("a breached disk stays where a person denies") {
  Disposal disposal;
  REQUIRE(disposal.is_asked());
  disposal.site.decide("release", false);
  disposal.site.comes([] { return false; }, 10);
  CHECK(disposal.is_there());
}

TEST_CASE("what is in use, or not what it was, is kept and said so") {
  Disposal disposal;
  REQUIRE(disposal.is_asked());
  std::string why;
  SECTION("the machine uses it again") {
    std::string& xml = disposal.site.machine.persistent;
    const std::string overlay = disposal.site.persistent().disks.front().source;
    xml.replace(xml.find("source file=\"" + overlay) + 13, overlay.size(), disposal.disk);
    why = "a domain uses it";
  }
  SECTION("under another name") {
    const std::string alias = disposal.site.directory.path() + "/alias";
    std::filesystem::create_symlink(disposal.disk, alias);
    std::string& xml = disposal.site.machine.live;
    const std::string overlay = disposal.site.live().disks.front().source;
    xml.replace(xml.find("source file=\"" + overlay) + 13, overlay.size(), alias);
    why = "a domain uses it";
  }
  SECTION("below an image that is shut off") {
    std::string head("QFI\xfb\0\0\0\3\0\0\0\0\0\0\0\x14\0\0\0", 19);
    head += static_cast<char>(disposal.disk.size());
    const std::string clone = disposal.site.directory.write("clone.qcow2", head + disposal.disk);
    std::string& xml = disposal.site.machine.persistent;
    xml.insert(xml.find("<controller"),
               fmt::format("<disk type='file'><source file='{}'/><target dev='vdc'/></disk>", clone));
    why = "a domain uses it";
  }
  SECTION("some machine uses a volume of a pool") {
    std::string& xml = disposal.site.machine.persistent;
    xml.insert(xml.find("<controller"),
               "<disk type='volume'><source pool='default' volume='old'/><target dev='vdc'/></disk>");
    why = "it cannot be told whether a domain uses it (disk vdc of domain web1: it is a volume of a pool)";
  }
  SECTION("it is a link now") {
    std::filesystem::remove(disposal.disk);
    std::filesystem::create_symlink(disposal.data, disposal.disk);
    why = "it is no regular file";
  }
  SECTION("it is a directory now") {
    std::filesystem::remove(disposal.disk);
    std::filesystem::create_directory(disposal.disk);
    why = "it is no regular file";
  }
  disposal.approve();
  CHECK(disposal.is_there());
  CHECK(std::filesystem::exists(disposal.data));
  CHECK_THAT(disposal.site.timeline(), Catch::Contains("Not deleted, because " + why));
}

TEST_CASE("a host that cannot say what is in use deletes nothing") {
  Disposal disposal;
  REQUIRE(disposal.is_asked());
  disposal.site.decide("release", true);
  disposal.site.machine.is_away = true;
  disposal.site.comes([] { return false; }, 5);
  CHECK(disposal.is_there());
}

}  // namespace kintsugi::host
