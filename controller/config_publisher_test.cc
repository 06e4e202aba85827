// SPDX-License-Identifier: Apache-2.0
#include "controller/config_publisher.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/testing/scratch_directory.h"

namespace kintsugi::controller {
namespace {

constexpr char kPlaybook[] = R"(
apiVersion: kintsugi.dev/v1alpha1
kind: Playbook
metadata: {name: shell}
spec:
  signals: [{source: falco, rules: ["*"]}]
)";

constexpr char kPolicy[] = R"(
apiVersion: kintsugi.dev/v1alpha1
kind: TrustPolicy
metadata: {name: golden}
spec:
  images: ["registry.example.com/**"]
  authorities: [{key: {configMapRef: {name: cosign-pub}}}]
)";

/// Two directories, read again on demand.
struct Site {
  Site() {
    scratch.write("playbooks/shell.yaml", kPlaybook);
    scratch.write("policies/golden.yaml", kPolicy);
    settings.playbooks_directory = scratch / "playbooks";
    settings.trust_policies_directory = scratch / "policies";
  }

  void load() {
    ConfigDocuments documents;
    publisher.read_files(documents);
    publisher.publish(std::move(documents));
  }
  std::size_t playbooks() const { return book.playbooks()->size(); }
  std::size_t policies() const { return book.policies()->size(); }
  void take_away(const std::string& name) const {
    std::filesystem::rename(scratch / name, scratch / (name + ".away"));
  }

  const ScratchDirectory scratch;
  Settings settings;
  PlaybookBook book;
  ManualClock clock;
  std::string logged;
  Logger log{clock, LogLevel::kInfo, [this](std::string_view line) { logged += line; }};
  int changes = 0;
  ConfigPublisher publisher{settings, book, log,
                            [](const trust::TextReference&) -> Result<std::string> {
                              return fail(ErrorCode::kNotFound, "no such object");
                            },
                            [this] { ++changes; }};
};

}  // namespace

TEST_CASE("a directory that cannot be listed any more leaves in force what was read of it last") {
  const std::string taken = GENERATE("playbooks", "policies");
  Site site;
  site.load();
  REQUIRE(site.playbooks() == 1);
  REQUIRE(site.policies() == 1);
  const int before = site.changes;
  site.take_away(taken);
  SECTION("it is gone") {}
  SECTION("a file is in its place") {
    site.scratch.write(taken, "text");
  }
  site.load();
  site.load();
  CHECK(site.playbooks() == 1);
  CHECK(site.policies() == 1);
  CHECK(site.changes == before);
  const std::size_t told = site.logged.find("stays in force");
  REQUIRE(told != std::string::npos);
  CHECK(site.logged.find("stays in force", told + 1) == std::string::npos);
}

TEST_CASE("a directory that comes back is what counts again") {
  Site site;
  site.load();
  site.take_away("playbooks");
  site.load();
  std::filesystem::create_directory(site.settings.playbooks_directory);
  site.load();
  CHECK(site.playbooks() == 0);
  CHECK(site.policies() == 1);
}

TEST_CASE("a file that is deleted, or goes wrong, is in force no more") {
  Site site;
  site.load();
  SECTION("deleted") {
    std::filesystem::remove(site.scratch / "playbooks/shell.yaml");
    std::filesystem::remove(site.scratch / "policies/golden.yaml");
  }
  SECTION("wrong") {
    site.scratch.write("playbooks/shell.yaml", "a: [");
    site.scratch.write("policies/golden.yaml", "a: [");
  }
  site.load();
  CHECK(site.playbooks() == 0);
  CHECK(site.policies() == 0);
}

}  // namespace kintsugi::controller
