// SPDX-License-Identifier: Apache-2.0
#include "base/durable_file.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/file.h"
#include "base/testing/scratch_directory.h"

using namespace kintsugi;

namespace {

struct Folder : ScratchDirectory {
  std::string content(const std::string& name) const { return read_file(*this / name, 100).value_or("none"); }
};

}  // namespace

TEST_CASE("an unfinished file gets its name, its mode and its content at once") {
  const Folder folder;
  REQUIRE(write_file_durably(folder / "final", "old"));
  {
    auto file = UnfinishedFile::create(folder / "part");
    REQUIRE(file);
    REQUIRE(file->write("new "));
    REQUIRE(file->write("content"));
    CHECK(folder.content("final") == "old");
    REQUIRE(file->publish(folder / "final", 0444));
  }
  CHECK(folder.content("final") == "new content");
  CHECK(folder.content("part") == "none");
  struct stat status{};
  REQUIRE(::stat((folder / "final").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0444);
}

TEST_CASE("an unfinished file that is not published leaves nothing") {
  const Folder folder;
  {
    auto file = UnfinishedFile::create(folder / "part");
    REQUIRE(file);
    REQUIRE(file->write("half"));
    auto moved = std::move(*file);
    CHECK(folder.content("part") == "half");
  }
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("an unfinished file follows no link that lies in its way") {
  const Folder folder;
  REQUIRE(write_file_durably(folder / "precious", "precious"));
  std::filesystem::create_symlink(folder / "precious", folder / "part");
  auto file = UnfinishedFile::create(folder / "part");
  REQUIRE(file);
  REQUIRE(file->write("new"));
  CHECK(folder.content("precious") == "precious");
}

TEST_CASE("what cannot be made, published or removed is an error") {
  const Folder folder;
  CHECK(UnfinishedFile::create(folder / "no/such").error().code == ErrorCode::kNotFound);
  CHECK(publish_file(folder / "none", folder / "final", 0444).error().code == ErrorCode::kNotFound);
  std::filesystem::create_directory(folder / "directory");
  CHECK_FALSE(remove_file(folder / "directory"));
  CHECK_FALSE(UnfinishedFile::create(folder / "directory"));
  CHECK(remove_file(folder / "none"));
  auto file = UnfinishedFile::create(folder / "part");
  REQUIRE(file);
  CHECK_FALSE(file->publish(folder / "directory", 0444));
}
