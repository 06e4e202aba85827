// SPDX-License-Identifier: Apache-2.0
#include "host/images/overlay.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/file.h"
#include "base/testing/scratch_directory.h"
#include "trust/disk/qcow2.h"

using namespace kintsugi;
using namespace kintsugi::host;

namespace {

/// A folder with a golden image of 1 MiB.
class World {
 public:
  World() {
    image.path = path("golden.qcow2");
    image.format = "qcow2";
    image.virtual_size = 1u << 20;
    std::filesystem::copy_file("trust/testdata/disk/disk.qcow2", image.path);
  }

  std::string path(const std::string& name) const { return folder_ / name; }
  std::string content(const std::string& name) const {
    return read_file(path(name), 4u << 20).value_or("none");
  }
  bool leaves_nothing_half_written() const {
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      if (entry.path().extension() == ".partial") return false;
    }
    return true;
  }
  /// A qemu-img that is a script.
  std::vector<std::string> program(const std::string& script) const {
    REQUIRE(write_file_durably(path("qemu-img"), "#!/bin/sh\n" + script));
    std::filesystem::permissions(path("qemu-img"), std::filesystem::perms::owner_all);
    return {folder_.path()};
  }

  GoldenImage image;

 private:
  const ScratchDirectory folder_;
};

std::uint32_t big_32(const std::string& bytes, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | std::uint8_t(bytes.at(offset + i));
  return value;
}

/// The backing file that a qcow2 header names (QEMU's docs/interop/qcow2.txt).
std::string backing_file(const std::string& qcow2) {
  REQUIRE(trust::is_qcow2(qcow2));
  return qcow2.substr(big_32(qcow2, 12), big_32(qcow2, 16));
}

/// The header extension that says the backing file's format.
std::string backing_format(const std::string& qcow2) {
  for (std::size_t at = big_32(qcow2, 100); big_32(qcow2, at) != 0;
       at += 8 + (big_32(qcow2, at + 4) + 7) / 8 * 8) {
    if (big_32(qcow2, at) == 0xE2792ACA) return qcow2.substr(at + 8, big_32(qcow2, at + 4));
  }
  return {};
}

}  // namespace

TEST_CASE("a layer names the golden image and its format, and the golden image stays as it is") {
  World world;
  const std::string golden = world.content("golden.qcow2");
  REQUIRE(make_overlay(world.image, world.path("layer.qcow2"), {}));
  const std::string layer = world.content("layer.qcow2");
  CHECK(backing_file(layer) == world.image.path);
  CHECK(backing_format(layer) == "qcow2");
  CHECK(big_32(layer, 28) == world.image.virtual_size);
  CHECK(world.content("golden.qcow2") == golden);
  CHECK(world.leaves_nothing_half_written());
  struct stat status{};
  REQUIRE(::stat(world.path("layer.qcow2").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
}

TEST_CASE("a raw image is not guessed to be anything else, even if it begins as qcow2") {
  World world;
  world.image.format = "raw";
  REQUIRE(make_overlay(world.image, world.path("layer.qcow2"), {}));
  CHECK(backing_format(world.content("layer.qcow2")) == "raw");
}

TEST_CASE("what is there is replaced, also what a crash left half written") {
  const World world;
  REQUIRE(write_file_durably(world.path("layer.qcow2"), "half a layer"));
  REQUIRE(write_file_durably(world.path("layer.qcow2.partial"), "less"));
  REQUIRE(make_overlay(world.image, world.path("layer.qcow2"), {}));
  REQUIRE(make_overlay(world.image, world.path("layer.qcow2"), {}));
  CHECK(backing_file(world.content("layer.qcow2")) == world.image.path);
  CHECK(world.leaves_nothing_half_written());
}

TEST_CASE("names are names to qemu-img, whatever stands in them") {
  World world;
  for (const std::string name : {"a b", "-o", "a,b=c", "json:{}", "nbd:x", "$(id)", "'\"", "\xC3\xA4"}) {
    INFO(name);
    std::filesystem::copy_file("trust/testdata/disk/disk.qcow2", world.path(name + ".base"));
    world.image.path = world.path(name + ".base");
    REQUIRE(make_overlay(world.image, world.path(name), {}));
    CHECK(backing_file(world.content(name)) == world.image.path);
  }
}

TEST_CASE("paths that are not absolute or have control characters are refused") {
  World world;
  const std::string bad = GENERATE(as<std::string>(), "", "layer.qcow2", "./x", "/tmp/a\nb", "/tmp/\x7F",
                                   "json:{\"driver\":\"raw\"}", "nbd://h/x", "/" + std::string(4096, 'x'));
  INFO(bad);
  CHECK(make_overlay(world.image, bad, {}).error().code == ErrorCode::kInvalidInput);
  world.image.path = bad;
  CHECK(make_overlay(world.image, world.path("layer.qcow2"), {}).error().code == ErrorCode::kInvalidInput);
  CHECK(world.content("layer.qcow2") == "none");
}

TEST_CASE("where no layer can be made, what was there stays, and the error says why") {
  World world;
  REQUIRE(write_file_durably(world.path("layer.qcow2"), "before"));
  Result<void> made;
  SECTION("there is no qemu-img") {
    made = make_overlay(world.image, world.path("layer.qcow2"), {}, {"/nonexistent"});
    REQUIRE_FALSE(made);
    CHECK(made.error().code == ErrorCode::kUnsupported);
    CHECK(made.error().advice.find("qemu-utils") != std::string::npos);
  }
  SECTION("it fails") {
    made = make_overlay(world.image, world.path("layer.qcow2"), {}, world.program("echo secret >&2; exit 3"));
    REQUIRE_FALSE(made);
    CHECK(made.error().message == "qemu-img ended with status 3");
  }
  SECTION("it fails half-way") {
    made = make_overlay(world.image, world.path("layer.qcow2"), {},
                        world.program("for last; do :; done; : > \"$8\"; : > \"${9}\"; exit 1"));
    REQUIRE_FALSE(made);
  }
  SECTION("it says that it made one, and did not") {
    made = make_overlay(world.image, world.path("layer.qcow2"), {}, world.program("exit 0"));
    REQUIRE_FALSE(made);
    CHECK(made.error().code == ErrorCode::kNotFound);
  }
  SECTION("the golden image is gone") {
    std::filesystem::remove(world.image.path);
    made = make_overlay(world.image, world.path("layer.qcow2"), {});
    REQUIRE_FALSE(made);
  }
  SECTION("a stop is requested") {
    std::stop_source stop;
    stop.request_stop();
    made = make_overlay(world.image, world.path("layer.qcow2"), stop.get_token(), world.program("sleep 30"));
    REQUIRE_FALSE(made);
    CHECK(made.error().code == ErrorCode::kCancelled);
  }
  CHECK(world.content("layer.qcow2") == "before");
  CHECK(world.leaves_nothing_half_written());
}
