// SPDX-License-Identifier: Apache-2.0
#include "host/files_in_use.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <utility>
#include <vector>

#include "base/testing/scratch_directory.h"
#include "targets/libvirt/testing/fake_hypervisor.h"

namespace kintsugi::host {
namespace {

/// The beginning of a qcow2 image that is a layer over `name`.
std::string layer_over(const std::string& name) {
  const char size = static_cast<char>(name.size());
  std::string head("QFI\xfb\0\0\0\3", 8);
  head += name.empty() ? std::string(8, '\0') : std::string("\0\0\0\0\0\0\0\x68", 8);
  head += std::string(3, '\0') + size;
  head.resize(0x68, '\0');
  return head + name;
}

std::string domain_with(const std::string& disk) {
  return fmt::format(
      "<domain type='qemu'><name>web1</name><uuid>{}</uuid><devices><disk {}<target "
      "dev='vda'/></disk></devices></domain>",
      "4dea22b3-1d52-d8f3-2516-782e98ab3fa0", disk);
}

/// A machine that is shut off.
struct Host {
  FilesInUse use(const std::string& disk) {
    machine.persistent = domain_with(disk);
    return files_in_use(machine).value();
  }
  FilesInUse use_file(const std::string& path) {
    return use(fmt::format("type='file'><source file='{}'/>", path));
  }
  bool has(const FilesInUse& found, const std::string& path) const {
    struct stat file{};
    REQUIRE(::stat(path.c_str(), &file) == 0);
    return found.files.contains({file.st_dev, file.st_ino});
  }

  ScratchDirectory directory;
  targets::testing::FakeHypervisor machine{"", ""};
};

}  // namespace

TEST_CASE("an image that is shut off is in use with all that it is a layer over") {
  Host host;
  const std::string base = host.directory.write("base.raw", "raw");
  const std::string middle = host.directory.write("middle.qcow2", layer_over("base.raw"));
  const std::string top = host.directory.write("top.qcow2", layer_over(middle));
  const std::string other = host.directory.write("other.qcow2", layer_over(""));
  const FilesInUse found = host.use_file(top);
  CHECK(found.unknown.empty());
  CHECK(host.has(found, top));
  CHECK(host.has(found, middle));
  CHECK(host.has(found, base));
  CHECK_FALSE(host.has(found, other));
}

TEST_CASE("layers that stand on each other are followed once") {
  Host host;
  host.directory.write("a.qcow2", layer_over("b.qcow2"));
  const std::string b = host.directory.write("b.qcow2", layer_over("a.qcow2"));
  CHECK(host.use_file(b).files.size() == 2);
}

TEST_CASE("what some machine is to be rebuilt from is followed, too") {
  Host host;
  const std::string base = host.directory.write("base.raw", "raw");
  const std::string top = host.directory.write("top.qcow2", layer_over(base));
  host.machine.persistent = domain_with("type='file'><source file='/srv/gone.qcow2'/>");
  const std::string terms = fmt::format(
      "<metadata><kintsugi:domain xmlns:kintsugi='https://kintsugi.dev/domain/v1'><image source='{}'/>"
      "</kintsugi:domain></metadata><devices>",
      top);
  host.machine.persistent.replace(host.machine.persistent.find("<devices>"), 9, terms);
  CHECK(host.has(files_in_use(host.machine).value(), base));
}

TEST_CASE("an image that is not there stands on nothing") {
  Host host;
  const FilesInUse found = host.use_file(host.directory.path() + "/gone.qcow2");
  CHECK(found.files.empty());
  CHECK(found.unknown.empty());
}

TEST_CASE("where it cannot be told what a disk stands on, that is said") {
  Host host;
  std::string cut = layer_over("base.raw");
  cut.resize(cut.size() - 3);
  std::string endless = layer_over("base.raw");
  endless[16] = 0x7f;
  const auto file = [&](const char* name, const std::string& head) {
    return fmt::format("type='file'><source file='{}'/>", host.directory.write(name, head));
  };
  const std::vector<std::pair<std::string, std::string>> cases{
      {"type='volume'><source pool='default' volume='web1'/>", "a volume of a pool"},
      {file("cut.qcow2", cut), "header"},
      {file("endless.qcow2", endless), "header"},
      {file("json.qcow2", layer_over("json:{}")), "stands on json:"},
      {fmt::format("type='file'><source file='{}/{}'/>", host.directory.path(), std::string(300, 'x')),
       "too long"},
  };
  for (const auto& [disk, why] : cases) {
    const FilesInUse found = host.use(disk);
    CHECK_THAT(found.unknown, Catch::Contains("disk vda of domain web1") && Catch::Contains(why));
  }
}

TEST_CASE("a definition that cannot be read is not taken for one without disks") {
  Host host;
  host.machine.persistent = "<domain>";
  CHECK_FALSE(files_in_use(host.machine).value().unknown.empty());
}

}  // namespace kintsugi::host
