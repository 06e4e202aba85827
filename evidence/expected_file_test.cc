// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "base/encoding.h"
#include "base/testing/scratch_directory.h"
#include "evidence/regular_file.h"
#include "evidence/store.h"

using namespace kintsugi;
using namespace kintsugi::evidence;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kGiB = 1ull << 30;

struct World {
  DirectoryStore store(Budget budget = {}) {
    return {directory.path(), budget, clock, [this](const std::string&) { return Result<DiskSpace>(space); }};
  }
  std::string dumps() const { return directory / "inc-1/dumps"; }

  ScratchDirectory directory;
  ManualClock clock;
  DiskSpace space{100 * kGiB, 200 * kGiB};
};

void write(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) names.push_back(entry.path().filename());
  return names;
}

}  // namespace

TEST_CASE("what another program wrote is evidence once it is hashed, and not before") {
  World world;
  DirectoryStore store = world.store();
  auto expected = store.expect_file("inc-1", "memory.elf", 100);
  REQUIRE(expected);
  CHECK(fs::is_regular_file((*expected)->path()));
  CHECK(fs::path((*expected)->path()).is_absolute());
  CHECK(fs::status(world.dumps()).permissions() == fs::perms::owner_all);
  write((*expected)->path(), "the memory");
  CHECK_FALSE(fs::exists(world.dumps() + "/memory.elf"));
  CHECK(store.find_file("inc-1", "dumps/memory.elf", "memory", {}).error().code == ErrorCode::kNotFound);
  const auto file = (*expected)->adopt("memory", {});
  REQUIRE(file);
  CHECK(*file == File{"dumps/memory.elf", sha256_hex("the memory"), 10, "memory", world.clock.now(), false});
  expected->reset();
  CHECK(names_in(world.dumps()) == std::vector<std::string>{"memory.elf"});
  const auto found = store.find_file("inc-1", "dumps/memory.elf", "memory", {});
  REQUIRE(found);
  CHECK(found->sha256 == file->sha256);
  CHECK(found->bytes == 10);
}

TEST_CASE("what cannot be adopted is an error, and nothing of it stays") {
  struct Case {
    const char* name;
    void (*write)(const std::string& path);
    ErrorCode code;
  };
  static constexpr char kSecret[] = "a file of somebody else";
  const Case cases[] = {
      {"nothing was written", [](const std::string&) {}, ErrorCode::kInvalidInput},
      {"more than there is room for", [](const std::string& path) { write(path, std::string(101, 'x')); },
       ErrorCode::kTooLarge},
      {"it is gone", [](const std::string& path) { fs::remove(path); }, ErrorCode::kNotFound},
      {"a symbolic link in its place",
       [](const std::string& path) {
         write(path + ".other", kSecret);
         fs::remove(path);
         fs::create_symlink(path + ".other", path);
       },
       ErrorCode::kInvalidInput},
      {"a FIFO in its place, which nobody writes to",
       [](const std::string& path) {
         fs::remove(path);
         REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
       },
       ErrorCode::kInvalidInput},
      {"a directory in its place",
       [](const std::string& path) {
         fs::remove(path);
         fs::create_directory(path);
       },
       ErrorCode::kInvalidInput},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    World world;
    DirectoryStore store = world.store({.per_incident_dump_bytes = 150});
    {
      auto expected = store.expect_file("inc-1", "memory.elf", 100);
      REQUIRE(expected);
      c.write((*expected)->path());
      const auto adopted = (*expected)->adopt("memory", {});
      REQUIRE_FALSE(adopted);
      CHECK(adopted.error().code == c.code);
    }
    CHECK_FALSE(fs::exists(world.dumps() + "/memory.elf"));
    CHECK_FALSE(fs::exists(fs::symlink_status(world.dumps() + "/memory.elf.unfinished")));
    CHECK(store.expect_file("inc-1", "memory.elf", 100));
  }
}

TEST_CASE("a stop ends the hashing, and leaves nothing") {
  World world;
  DirectoryStore store = world.store();
  std::stop_source stop;
  stop.request_stop();
  {
    auto expected = store.expect_file("inc-1", "memory.elf", 100);
    REQUIRE(expected);
    write((*expected)->path(), "the memory");
    const auto adopted = (*expected)->adopt("memory", stop.get_token());
    REQUIRE_FALSE(adopted);
    CHECK(adopted.error().code == ErrorCode::kCancelled);
  }
  CHECK(names_in(world.dumps()).empty());
}

TEST_CASE("what a crash has left is no evidence, and its place is taken by the next attempt") {
  World world;
  fs::create_directories(world.dumps());
  write(world.dumps() + "/memory.elf.unfinished", std::string(140, 'o'));
  const std::string outside = world.directory / "outside";
  write(outside, "untouched");
  fs::create_symlink(outside, world.dumps() + "/linked.elf.unfinished");
  DirectoryStore store = world.store({.total_bytes = 400, .per_incident_dump_bytes = 150});
  CHECK_FALSE(store.find_file("inc-1", "dumps/memory.elf", "memory", {}));
  {
    auto expected = store.expect_file("inc-1", "memory.elf", 100);
    REQUIRE(expected);
    CHECK(fs::file_size((*expected)->path()) == 0);
    write((*expected)->path(), "new");
    REQUIRE((*expected)->adopt("memory", {}));
  }
  auto linked = store.expect_file("inc-1", "linked.elf", 100);
  REQUIRE(linked);
  CHECK_FALSE(fs::is_symlink((*linked)->path()));
  write((*linked)->path(), "new");
  REQUIRE((*linked)->adopt("memory", {}));
  CHECK(fs::file_size(outside) == 9);
}

TEST_CASE("room for a dump is refused with numbers, and is there again when it was not needed") {
  World world;
  SECTION("an incident's") {
    DirectoryStore store = world.store({.per_incident_dump_bytes = 150});
    auto first = store.expect_file("inc-1", "memory.elf", 100);
    REQUIRE(first);
    write((*first)->path(), std::string(60, 'x'));
    REQUIRE((*first)->adopt("memory", {}));
    const auto second = store.expect_file("inc-1", "more.elf", 91);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == ErrorCode::kTooLarge);
    CHECK_THAT(second.error().to_string(), Catch::Contains("151") && Catch::Contains("150") &&
                                               Catch::Contains("--evidence-memory-max-bytes"));
    CHECK(store.expect_file("inc-1", "more.elf", 90));
    CHECK(store.expect_file("inc-2", "memory.elf", 150));
  }
  SECTION("of all incidents") {
    DirectoryStore store = world.store({.total_bytes = 1u << 20});
    {
      auto first = store.expect_file("inc-1", "memory.elf", 600u << 10);
      REQUIRE(first);
      CHECK_FALSE(store.expect_file("inc-2", "memory.elf", 600u << 10));
      world.clock.advance(std::chrono::minutes(5));  // the directory is looked through again
      CHECK_FALSE(store.expect_file("inc-2", "memory.elf", 600u << 10));
    }
    CHECK(store.expect_file("inc-2", "memory.elf", 600u << 10));
  }
  SECTION("of the disk, which keeps a reserve") {
    DirectoryStore store = world.store();
    world.space = {20 * kGiB, 100 * kGiB};
    CHECK(store.expect_file("inc-1", "memory.elf", 15 * kGiB));
    const auto refused = store.expect_file("inc-1", "memory.elf", 15 * kGiB + 1);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::kTooLarge);
    CHECK_THAT(refused.error().to_string(), Catch::Contains(std::to_string(20 * kGiB)));
    const auto first = store.expect_file("inc-1", "memory.elf", 10 * kGiB);
    REQUIRE(first);
    CHECK_FALSE(store.expect_file("inc-2", "memory.elf", 10 * kGiB));  // the first is still to be written
    world.space = {0, 100 * kGiB};
    CHECK_FALSE(store.expect_file("inc-3", "memory.elf", 1));
  }
}

TEST_CASE("of a small disk a whole GiB stays free") {
  CHECK(bytes_to_leave_free({5 * kGiB, 10 * kGiB}) == kGiB);
  CHECK(bytes_to_leave_free({5 * kGiB, 100 * kGiB}) == 5 * kGiB);
  CHECK(disk_space("/").value().total_bytes > 0);
  CHECK_FALSE(disk_space("/nothing/there"));
}

TEST_CASE("a name that would leave the folder of dumps is refused, and the folder is for dumps only") {
  World world;
  DirectoryStore store = world.store();
  const std::string bad =
      GENERATE("", "/etc/x", "..", "../x", "a/b", ".hidden", "a\nb", "a b", "x.unfinished");
  INFO(bad);
  CHECK_FALSE(store.expect_file("inc-1", bad, 10));
  CHECK_FALSE(store.expect_file(bad, "memory.elf", 10));
  CHECK_FALSE(store.put("inc-1", "dumps/memory.elf", "x", "c"));
  CHECK_FALSE(store.find_file("inc-1", "../" + bad, "c", {}));
}

TEST_CASE("a dump is not of the budget for what is small") {
  World world;
  DirectoryStore store = world.store({.per_incident_bytes = 50});
  auto expected = store.expect_file("inc-1", "memory.elf", 100);
  REQUIRE(expected);
  write((*expected)->path(), std::string(100, 'x'));
  REQUIRE((*expected)->adopt("memory", {}));
  CHECK(store.put("inc-1", "domain.xml", std::string(40, 'x'), "definition"));
  CHECK_FALSE(store.put("inc-1", "guest.json", std::string(40, 'x'), "guest"));
}

TEST_CASE("one file is expected once at a time") {
  World world;
  DirectoryStore store = world.store();
  const auto first = store.expect_file("inc-1", "memory.elf", 100);
  REQUIRE(first);
  const auto second = store.expect_file("inc-1", "memory.elf", 100);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::kConflict);
  CHECK(fs::exists((*first)->path()));
}
