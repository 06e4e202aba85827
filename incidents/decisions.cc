// SPDX-License-Identifier: Apache-2.0
#include "incidents/decisions.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/escape.h"

namespace kintsugi::incidents {
namespace {

constexpr std::array<std::string_view, 5> kSteps{"contain", "collect", "redeploy", "verify", "release"};

bool is_same(const Approval& a, const Approval& b) {
  return a.step == b.step && a.approved == b.approved && a.by == b.by && a.reason == b.reason &&
         a.time == b.time;
}

std::size_t characters_of(const std::string& text) {
  return std::size_t(
      std::count_if(text.begin(), text.end(), [](char c) { return (std::uint8_t(c) & 0xC0) != 0x80; }));
}

Result<void> check_text(const std::string& field, const std::string& text, std::size_t most) {
  if (!is_utf8(text)) return fail(ErrorCode::kInvalidInput, field + " must be UTF-8");
  if (characters_of(text) <= most) return {};
  return fail(ErrorCode::kTooLarge, field + " has more than " + std::to_string(most) + " characters");
}

/// An Approval or a ReleaseOrder: who decided, and why.
template <class Decision>
Result<void> check_decider(const std::string& field, const Decision& decision) {
  if (auto checked = check_text(field + ".by", decision.by, kMaxDeciderCharacters); !checked) return checked;
  return check_text(field + ".reason", decision.reason, kMaxReasonCharacters);
}

Result<void> check_approval(const std::string& field, const Approval& approval) {
  if (std::find(kSteps.begin(), kSteps.end(), approval.step) == kSteps.end()) {
    return fail(ErrorCode::kInvalidInput,
                field + ".step must be contain, collect, redeploy, verify or release");
  }
  return check_decider(field, approval);
}

}  // namespace

Result<void> check_decisions(const IncidentSpec& before, const IncidentSpec& after) {
  const auto& old = before.approvals;
  const auto& all = after.approvals;
  if (all.size() > kMaxApprovals) {
    return fail(ErrorCode::kTooLarge,
                "spec.approvals has more than " + std::to_string(kMaxApprovals) + " entries");
  }
  if (all.size() < old.size() || !std::equal(old.begin(), old.end(), all.begin(), is_same)) {
    return fail(ErrorCode::kInvalidInput,
                "entries can be added to spec.approvals at the end, and neither changed nor removed");
  }
  for (std::size_t i = old.size(); i < all.size(); ++i) {
    auto checked = check_approval("spec.approvals[" + std::to_string(i) + "]", all[i]);
    if (!checked) return checked;
  }
  return after.release ? check_decider("spec.release", *after.release) : Result<void>();
}

}  // namespace kintsugi::incidents
