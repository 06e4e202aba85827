// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_config_file.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/clock.h"
#include "base/file.h"
#include "base/testing/scratch_directory.h"

namespace kintsugi::trust {
namespace {

struct Fixture {
  void write(const std::string& text) { REQUIRE(write_file_durably(path, text)); }
  void write_user(const std::string& user) {
    write(R"({"auths":{"r.example.com":{"username":")" + user + R"(","password":"hunter2"}}})");
  }
  std::string user(RegistryConfigFile& file) {
    const auto credentials = file.current();
    const auto* found = credentials->find(ImageReference::parse("r.example.com/shop/web:1").value());
    return found == nullptr ? "" : found->username;
  }

  ScratchDirectory directory;
  std::string path = directory / "config.json", logged;
  ManualClock clock;
  Logger log{clock, LogLevel::kDebug, [this](std::string_view line) { logged += line; }};
};

}  // namespace

TEST_CASE("credentials follow their file, and stay where it cannot be used") {
  Fixture fixture;
  fixture.write_user("first");
  const auto file = RegistryConfigFile::open(fixture.path, fixture.log);
  REQUIRE(file);
  CHECK(fixture.user(**file) == "first");
  fixture.write_user("second");
  CHECK(fixture.user(**file) == "second");
  CHECK(fixture.logged.empty());

  fixture.write("{\"auths\": hunter2");
  CHECK(fixture.user(**file) == "second");
  CHECK_FALSE(fixture.logged.empty());
  CHECK(fixture.logged.find("hunter2") == std::string::npos);
  fixture.logged.clear();
  CHECK(fixture.user(**file) == "second");
  CHECK(fixture.logged.empty());

  std::filesystem::remove(fixture.path);
  CHECK(fixture.user(**file) == "second");
  fixture.write_user("third");
  CHECK(fixture.user(**file) == "third");
}

TEST_CASE("a file of credentials that cannot be used at the start is an error") {
  Fixture fixture;
  CHECK(RegistryConfigFile::open(fixture.path, fixture.log).error().code == ErrorCode::kNotFound);
  fixture.write("[]");
  CHECK_FALSE(RegistryConfigFile::open(fixture.path, fixture.log));
}

}  // namespace kintsugi::trust
