// SPDX-License-Identifier: Apache-2.0
#include "host/machine_files.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/file.h"
#include "base/testing/scratch_directory.h"

namespace kintsugi::host {
namespace {

constexpr char kUuid[] = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";

struct World {
  ScratchDirectory directory;
  int overlays = 0;
  bool is_full = false;
  FirstBoot told;
  MachineFiles files{directory / "images/machines",
                     [this](const GoldenImage&, const std::string& path, std::stop_token) -> Result<void> {
                       if (is_full) return fail(ErrorCode::kUnavailable, "no space left");
                       ++overlays;
                       return write_file_durably(path, "layer");
                     },
                     [this](const FirstBoot& boot) -> Result<std::string> {
                       told = boot;
                       if (boot.user_data == "junk") return fail(ErrorCode::kInvalidInput, "no cloud-config");
                       return "seed";
                     }};
  MachinePaths paths = files.paths(kUuid, "inc-1").value();

  Result<void> prepare(const targets::GoldenTerms& terms, bool anew) {
    return files.prepare({}, paths, {"inc-1", "Web_1.lan", terms}, anew, {});
  }
};

}  // namespace

TEST_CASE("a host name is what is left of a domain's name") {
  const auto [name, host] = GENERATE(table<std::string, std::string>({
      {"web1", "web1"},
      {"Web_1.lan", "web-1"},
      {"web1.example.com", "web1"},
      {"--a--", "a"},
      {"", "machine"},
      {"...", "machine"},
      {"\n\xff", "machine"},
      {"a;reboot", "a-reboot"},
      {std::string(100, 'a'), std::string(63, 'a')},
  }));
  CHECK(host_name_of(name) == host);
}

TEST_CASE("files of a machine are named by UUID and incident, and by nothing else") {
  World world;
  CHECK(world.paths.overlay ==
        world.directory / "images/machines/4dea22b3-1d52-d8f3-2516-782e98ab3fa0-inc-1.qcow2");
  for (const char* uuid : {"", "../../etc", "4dea22b3-1d52-d8f3-2516-782e98ab3fa0/.."})
    CHECK_FALSE(world.files.paths(uuid, "inc-1"));
  for (const char* incident : {"", "../x", "a/b", "a b"}) CHECK_FALSE(world.files.paths(kUuid, incident));
}

TEST_CASE("a machine is told what the host has for it") {
  World world;
  const std::string user_data = world.directory.write("user-data", "#cloud-config\nusers: []\n");
  const std::string network = world.directory.write("network", "version: 2\n");
  REQUIRE(world.prepare({"/golden", "", "", user_data, network}, true));
  CHECK(world.told.instance_id == "inc-1");
  CHECK(world.told.host_name == "web-1");
  CHECK(world.told.user_data == "#cloud-config\nusers: []\n");
  CHECK(world.told.network_config == "version: 2\n");
  CHECK(read_file(world.paths.seed, 100) == "seed");
  struct stat found{};
  REQUIRE(::stat((world.directory / "images/machines").c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0711);
  REQUIRE(world.prepare({"/golden", "", "", "", ""}, true));
  CHECK(world.told.user_data == "#cloud-config\n{}\n");
  CHECK(world.told.network_config.empty());
}

TEST_CASE("what a machine may have run from is not made anew, and what is missing is") {
  World world;
  REQUIRE(world.prepare({}, true));
  REQUIRE(world.prepare({}, true));
  CHECK(world.overlays == 2);
  REQUIRE(world.prepare({}, false));
  CHECK(world.overlays == 2);
  std::filesystem::remove(world.paths.overlay);
  REQUIRE(world.prepare({}, false));
  CHECK(world.overlays == 3);
  world.files.remove(world.paths);
  world.files.remove(world.paths);
  CHECK_FALSE(std::filesystem::exists(world.paths.overlay));
  CHECK_FALSE(std::filesystem::exists(world.paths.seed));
}

TEST_CASE("first-boot data that cannot be used are an error, and no layer is made") {
  World world;
  const std::string junk = world.directory.write("junk", "junk");
  const std::string large = world.directory.write("large", std::string((1u << 20) + 1, ' '));
  for (const std::string& path : {junk, large, world.directory.path(), std::string("/nowhere/user-data")}) {
    INFO(path);
    const auto prepared = world.prepare({"/golden", "", "", path, ""}, true);
    REQUIRE_FALSE(prepared);
    CHECK(prepared.error().reason == "FirstBootInvalid");
  }
  CHECK_FALSE(world.prepare({"/golden", "", "", "", "/nowhere/network"}, true));
  CHECK(world.overlays == 0);
  world.is_full = true;
  CHECK(world.prepare({}, true).error().retryable);
}

}  // namespace kintsugi::host
