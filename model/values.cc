// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/cut.h"
#include "base/encoding.h"
#include "model/playbook.h"
#include "model/severity.h"
#include "model/target.h"

namespace kintsugi {

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::kInfo: return "info";
    case Severity::kWarning: return "warning";
    case Severity::kError: return "error";
    case Severity::kCritical: return "critical";
  }
  return "info";
}

std::optional<Severity> parse_severity(std::string_view word) {
  for (const Severity severity : kSeverities) {
    if (to_string(severity) == word) return severity;
  }
  return std::nullopt;
}

std::string_view to_string(Mode mode) {
  switch (mode) {
    case Mode::kOff: return "off";
    case Mode::kObserve: return "observe";
    case Mode::kContainOnly: return "contain-only";
    case Mode::kFull: return "full";
  }
  return "off";
}

std::optional<Mode> parse_mode(std::string_view word) {
  for (const Mode mode : {Mode::kOff, Mode::kObserve, Mode::kContainOnly, Mode::kFull}) {
    if (to_string(mode) == word) return mode;
  }
  return std::nullopt;
}

std::string TargetRef::to_string() const {
  std::string text = kind;
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return text + " " + name_space + "/" + name;
}

OwnerRef bounded(OwnerRef owner) {
  constexpr std::size_t kMaxKindBytes = 63;
  constexpr std::size_t kMaxNameBytes = 253;
  constexpr std::size_t kMaxUidBytes = 63;
  return {cut(std::move(owner.kind), kMaxKindBytes), cut(std::move(owner.name), kMaxNameBytes),
          cut(std::move(owner.uid), kMaxUidBytes)};
}

std::string incident_name(const TargetRef& target, unsigned generation) {
  return "inc-" + sha256_hex(target.uid).substr(0, 20) + "-" + std::to_string(generation);
}

unsigned IntOrPercent::of(unsigned total) const {
  if (!is_percent) return value;
  return std::max(1u, unsigned((std::uint64_t(total) * value + 99) / 100));
}

std::string_view Step::verb() const {
  constexpr std::string_view kVerbs[] = {"contain", "collect", "redeploy", "verify", "release"};
  return kVerbs[arguments.index()];
}

bool Playbook::requires_approval(std::string_view verb) const {
  return std::any_of(steps.begin(), steps.end(),
                     [&](const Step& step) { return step.verb() == verb && step.require_approval; });
}

}  // namespace kintsugi
