// SPDX-License-Identifier: Apache-2.0
#include "host/file_config.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/testing/scratch_directory.h"

namespace kintsugi::host {
namespace {

constexpr char kPlaybook[] = R"(
apiVersion: kintsugi.dev/v1alpha1
kind: Playbook
metadata: {name: shell}
spec:
  signals: [{source: falco, rules: ["*"]}]
)";

struct Site {
  Site() {
    scratch.write("playbooks/shell.yaml", kPlaybook);
    settings.playbooks_directory = scratch / "playbooks";
  }

  const ScratchDirectory scratch;
  controller::Settings settings;
  controller::PlaybookBook book;
  ManualClock clock;
  Logger log{clock, LogLevel::kError, [](std::string_view) {}};
  FileConfig config{settings, book, log, [] {}};
};

}  // namespace

TEST_CASE("the file mode caps all playbooks, and without it there is no cap") {
  Site site;
  const auto [text, cap] = GENERATE(table<std::string, Mode>({{"off", Mode::kOff},
                                                              {" contain-only\n", Mode::kContainOnly},
                                                              {"full", Mode::kFull},
                                                              {"", Mode::kObserve},
                                                              {"fulll", Mode::kObserve}}));
  site.scratch.write("playbooks/mode", text);
  site.config.load();
  CHECK(site.book.cluster_cap() == cap);
  std::filesystem::remove(site.scratch / "playbooks/mode");
  site.config.load();
  CHECK(site.book.cluster_cap() == Mode::kFull);
}

TEST_CASE("a directory that goes away takes neither its playbooks nor their cap along") {
  Site site;
  site.scratch.write("playbooks/mode", "off");
  site.config.load();
  REQUIRE(site.book.cluster_cap() == Mode::kOff);
  std::filesystem::rename(site.scratch / "playbooks", site.scratch / "away");
  SECTION("it is gone") {}
  SECTION("a file is in its place") {
    site.scratch.write("playbooks", "text");
  }
  site.config.load();
  CHECK(site.book.playbooks()->size() == 1);
  CHECK(site.book.cluster_cap() == Mode::kOff);
}

}  // namespace kintsugi::host
