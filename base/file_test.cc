// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <catch2/catch.hpp>

#include <filesystem>

#include "base/testing/scratch_directory.h"

using namespace kintsugi;

TEST_CASE("a file is replaced whole and read back") {
  const ScratchDirectory directory;
  const std::string path = directory / "a.yaml";
  REQUIRE(write_file_durably(path, "one"));
  REQUIRE(write_file_durably(path, std::string(100'000, 'x')));
  CHECK(read_file(path, 100'000)->size() == 100'000);
  CHECK(read_file(path, 99'999).error().code == ErrorCode::kTooLarge);
  CHECK_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST_CASE("a missing file says which and why") {
  const auto missing = read_file("/nonexistent/x", 10);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::kNotFound);
  CHECK(missing.error().object == "/nonexistent/x");
  CHECK_FALSE(write_file_durably("/nonexistent/x", "y"));
  CHECK_FALSE(list_files("/nonexistent", {".yaml"}));
}

TEST_CASE("listing is sorted, filtered, and passes over hidden entries and folders") {
  const ScratchDirectory directory;
  for (const char* name : {"b.yaml", "a.yml", "c.txt", ".hidden.yaml"}) {
    REQUIRE(write_file_durably(directory / name, ""));
  }
  std::filesystem::create_directory(directory / "folder.yaml");
  const auto files = list_files(directory.path(), {".yaml", ".yml"});
  REQUIRE(files);
  CHECK(*files == std::vector<std::string>{directory / "a.yml", directory / "b.yaml"});
}
