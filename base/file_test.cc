// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>

using namespace kintsugi;

namespace {
struct TemporaryDirectory {
  TemporaryDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "kintsugi-file-XXXXXX";
    path = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  std::string path;
};
}  // namespace

TEST_CASE("a file is replaced whole and read back") {
  const TemporaryDirectory directory;
  const std::string path = directory.path + "/a.yaml";
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
  const TemporaryDirectory directory;
  for (const char* name : {"b.yaml", "a.yml", "c.txt", ".hidden.yaml"}) {
    REQUIRE(write_file_durably(directory.path + "/" + name, ""));
  }
  std::filesystem::create_directory(directory.path + "/folder.yaml");
  const auto files = list_files(directory.path, {".yaml", ".yml"});
  REQUIRE(files);
  CHECK(*files == std::vector<std::string>{directory.path + "/a.yml", directory.path + "/b.yaml"});
}
