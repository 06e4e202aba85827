// SPDX-License-Identifier: Apache-2.0
#include "controller/directories.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/testing/scratch_directory.h"

using namespace kintsugi;
using namespace kintsugi::controller;

TEST_CASE("a directory of playbooks or trust policies that is missing or a file is an error with its flag") {
  const ScratchDirectory scratch;
  scratch.write("file", "x");
  Settings settings;
  CHECK(check_configuration_directories(settings));
  settings.playbooks_directory = scratch.path();
  settings.trust_policies_directory = scratch.path();
  CHECK(check_configuration_directories(settings));

  const std::string wrong = scratch / GENERATE("missing", "file", "missing/deeper");
  CAPTURE(wrong);
  SECTION("playbooks") {
    settings.playbooks_directory = wrong;
    const auto checked = check_configuration_directories(settings);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().to_string().find(wrong) != std::string::npos);
    CHECK(checked.error().to_string().find("--playbooks") != std::string::npos);
  }
  SECTION("trust policies") {
    settings.trust_policies_directory = wrong;
    const auto checked = check_configuration_directories(settings);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().to_string().find("--trust-policies") != std::string::npos);
  }
}

TEST_CASE("a directory for evidence is made, and one that cannot be is told of") {
  const ScratchDirectory scratch;
  scratch.write("file", "x");
  Settings settings;
  CHECK(check_evidence_directory(settings));
  settings.evidence_directory = scratch / "new/one";
  CHECK(check_evidence_directory(settings));
  CHECK(std::filesystem::is_directory(settings.evidence_directory));
  CHECK(check_evidence_directory(settings));

  const char* wrong = GENERATE("file", "file/below", "/proc/evidence");
  CAPTURE(wrong);
  settings.evidence_directory = wrong[0] == '/' ? wrong : scratch / wrong;
  const auto checked = check_evidence_directory(settings);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().to_string().find(settings.evidence_directory) != std::string::npos);
  CHECK(checked.error().to_string().find("--evidence-dir") != std::string::npos);
}
