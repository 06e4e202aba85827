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

  Result<std::string> make(const targets::GoldenTerms& terms) {
    return files.make({}, paths, {"inc-1", "Web_1.lan", terms}, {});
  }
  Result<void> make_missing() { return files.make_missing({}, paths, {"inc-1", "Web_1.lan", {}}, {}); }
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
  REQUIRE(world.make({"/golden", "", "", user_data, network}));
  CHECK(world.told.instance_id == "inc-1");
  CHECK(world.told.host_name == "web-1");
  CHECK(world.told.user_data == "#cloud-config\nusers: []\n");
  CHECK(world.told.network_config == "version: 2\n");
  CHECK(read_file(world.paths.seed, 100) == "seed");
  struct stat found{};
  REQUIRE(::stat((world.directory / "images/machines").c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0711);
  REQUIRE(world.make({"/golden", "", "", "", ""}));
  CHECK(world.told.user_data == "#cloud-config\n{}\n");
  CHECK(world.told.network_config.empty());
}

TEST_CASE("what a machine may have run from is not made anew, and what is missing is") {
  World world;
  REQUIRE(world.make({}));
  REQUIRE(world.make({}));
  CHECK(world.overlays == 2);
  REQUIRE(world.make_missing());
  CHECK(world.overlays == 2);
  std::filesystem::remove(world.paths.overlay);
  REQUIRE(world.make_missing());
  CHECK(world.overlays == 3);
  world.files.remove(world.paths);
  world.files.remove(world.paths);
  CHECK_FALSE(std::filesystem::exists(world.paths.overlay));
  CHECK_FALSE(std::filesystem::exists(world.paths.seed));
}

TEST_CASE("files are of another basis wherever something that they are made from is another") {
  World world;
  const std::string data = world.directory.write("data", "#cloud-config\nusers: []\n");
  GoldenImage image;
  image.trusted.digest = "sha256:aa";
  const MachineIdentity identity{"inc-1", "web1", {"/golden", "", "", data, data}};
  const auto basis_of = [&](const GoldenImage& an_image, const MachineIdentity& an_identity) {
    const auto basis = world.files.basis(an_image, world.paths, an_identity);
    REQUIRE(basis);
    return *basis;
  };
  const std::string basis = basis_of(image, identity);
  CHECK(world.files.make(image, world.paths, identity, {}) == basis);
  CHECK(basis_of(image, identity) == basis);

  GoldenImage other_image = image;
  other_image.trusted.digest = "sha256:bb";
  CHECK(basis_of(other_image, identity) != basis);
  MachineIdentity other = identity;
  other.name = "web2";
  CHECK(basis_of(image, other) != basis);
  other = identity;
  other.instance_id = "inc-2";
  CHECK(basis_of(image, other) != basis);
  other = identity;
  other.terms.network_config.clear();
  CHECK(basis_of(image, other) != basis);
  other = identity;
  // The same bytes in another file are the same.
  other.terms.user_data = world.directory.write("copy", "#cloud-config\nusers: []\n");
  CHECK(basis_of(image, other) == basis);
  world.directory.write("data", "#cloud-config\nusers: [a]\n");
  CHECK(basis_of(image, identity) != basis);
  std::filesystem::remove(data);
  CHECK_FALSE(world.files.basis(image, world.paths, identity));
}

TEST_CASE("first-boot data that cannot be used are an error, and no layer is made") {
  World world;
  const std::string junk = world.directory.write("junk", "junk");
  const std::string large = world.directory.write("large", std::string((1u << 20) + 1, ' '));
  const std::string pipe = world.directory / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  for (const std::string& path :
       {junk, large, pipe, world.directory.path(), std::string("/nowhere/user-data")}) {
    INFO(path);
    const auto prepared = world.make({"/golden", "", "", path, ""});
    REQUIRE_FALSE(prepared);
    CHECK(prepared.error().reason == "FirstBootInvalid");
  }
  CHECK_FALSE(world.make({"/golden", "", "", "", "/nowhere/network"}));
  CHECK(world.overlays == 0);
  world.is_full = true;
  CHECK(world.make({}).error().retryable);
}

}  // namespace kintsugi::host
