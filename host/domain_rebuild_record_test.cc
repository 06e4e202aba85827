// SPDX-License-Identifier: Apache-2.0
#include "host/domain_rebuild_record.h"

#include <catch2/catch.hpp>

namespace kintsugi::host {
namespace {

std::vector<targets::LeftDisk> left_in(const std::string& disk) {
  Incident incident;
  JournalEntry entry;
  entry.action.id = kRebuild;
  entry.action.body = R"({"left":[)" + disk + "]}";
  incident.status.journal.push_back(entry);
  return left_disks(incident);
}

}  // namespace

TEST_CASE("a recorded disk is read as it was written") {
  const auto left = left_in(R"({"target":"vda","type":"file","source":"/a","format":"raw","wasRoot":true})");
  REQUIRE(left.size() == 1);
  CHECK(left.front().source == "/a");
  CHECK(left.front().was_root);
}

TEST_CASE("a recorded disk with a value of another kind is passed over") {
  for (const char* disk :
       {R"({"target":true})", R"({"type":false})", R"({"source":true})", R"({"format":true})",
        R"({"wasRoot":"yes"})", R"({"source":1})", R"({"source":null})", "[]", "7"}) {
    CAPTURE(disk);
    CHECK(left_in(disk).empty());
  }
}

}  // namespace kintsugi::host
