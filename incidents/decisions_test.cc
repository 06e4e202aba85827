// SPDX-License-Identifier: Apache-2.0
#include "incidents/decisions.h"

#include <catch2/catch.hpp>

namespace kintsugi::incidents {
namespace {

const Approval kFirst{"contain", true, "ada", "go", {}};

IncidentSpec spec_with(std::vector<Approval> approvals) {
  IncidentSpec spec;
  spec.approvals = std::move(approvals);
  return spec;
}

std::string times(std::size_t count, const std::string& text) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("approvals are added at the end and stay as they are") {
  struct Row {
    const char* what;
    std::vector<Approval> after;
    bool is_allowed;
  };
  Approval denied = kFirst, later = kFirst, other = kFirst;
  denied.approved = false;
  later.time += std::chrono::microseconds(1);
  other.by = "bob";
  const Row row = GENERATE_COPY(values<Row>(
      {{"the same", {kFirst}, true},
       {"one more", {kFirst, denied}, true},
       {"as many as there may be", std::vector<Approval>(kMaxApprovals, kFirst), true},
       {"none", {}, false},
       {"turned round", {denied}, false},
       {"at another time", {later}, false},
       {"by another person", {other}, false},
       {"one before it", {denied, kFirst}, false},
       {"too many", std::vector<Approval>(kMaxApprovals + 1, kFirst), false},
       {"about no step", {kFirst, {"", true, "", "", {}}}, false},
       {"about an unknown step", {kFirst, {"erase", true, "", "", {}}}, false},
       {"by a long name", {kFirst, {"verify", true, times(254, "a"), "", {}}}, false},
       {"for a long reason", {kFirst, {"verify", true, "", times(1025, "a"), {}}}, false},
       {"by no text", {kFirst, {"verify", true, "\xff", "", {}}}, false},
       {"characters count, not bytes", {kFirst, {"verify", true, times(253, "ä"), "", {}}}, true}}));
  INFO(row.what);
  CHECK(bool(check_decisions(spec_with({kFirst}), spec_with(row.after))) == row.is_allowed);
}

TEST_CASE("a release order has bounds too, and can be taken back") {
  IncidentSpec ordered;
  ordered.release = ReleaseOrder{ReleaseOrder::Victim::kLeave, "ada", "false alarm", {}};
  CHECK(check_decisions({}, ordered));
  CHECK(check_decisions(ordered, {}));
  ordered.release->reason = times(1025, "a");
  const auto refused = check_decisions({}, ordered);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kTooLarge);
  CHECK(refused.error().message.find("spec.release.reason") != std::string::npos);
}

}  // namespace kintsugi::incidents
