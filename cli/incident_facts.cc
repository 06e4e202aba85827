// SPDX-License-Identifier: Apache-2.0
#include "cli/incident_facts.h"

#include <algorithm>
#include <array>

#include "base/escape.h"
#include "base/time.h"
#include "cli/words.h"

namespace kintsugi::cli {
namespace {

constexpr const char* kReason = " --reason '…'";

/// A word of the status goes into a command that people copy only if it is a verb of a playbook.
bool is_step(std::string_view word) {
  constexpr std::array<std::string_view, 5> kSteps{"contain", "collect", "redeploy", "verify", "release"};
  return std::find(kSteps.begin(), kSteps.end(), word) != kSteps.end();
}

std::vector<NextStep> after_the_end(const Incident& incident, const std::string& program,
                                    const std::string& name) {
  const NextStep timeline{program + " timeline " + name + " -o markdown", "the record for the report"};
  // The name of a domain may have blanks, which that of a pod cannot.
  const std::string target = shell_quoted(show_target(incident.spec.target));
  switch (incident.status.outcome) {
    case Outcome::kObserved:
      return {{program + " open " + target + " --playbook NAME" + kReason,
               "act on it after all, with a playbook whose mode permits it"},
              timeline};
    case Outcome::kFailed:
      return {{program + " open " + target + " --playbook NAME" + kReason,
               "try again once what 'Failed' names is put right"},
              timeline};
    default: return {timeline};
  }
}

std::vector<NextStep> decision(const Incident& incident, const std::string& program,
                               const std::string& name) {
  const std::string& step = incident.status.awaiting;
  const std::string about = " " + name + " --step " + step + kReason;
  if (waits_for_deletion(incident)) {
    return {{program + " approve" + about, "delete what is named above"},
            {program + " deny" + about, "keep it"}};
  }
  const NextStep release{program + " release " + name + " --victim restore" + kReason,
                         "it was a false alarm: undo"};
  if (step == "release") {
    return {{program + " release " + name + " --victim leave" + kReason, "keep the victim isolated and end"},
            {program + " release " + name + " --victim delete" + kReason, "delete the victim and end"}};
  }
  if (!is_step(step)) return {release};
  return {{program + " approve" + about, "let it happen"}, {program + " deny" + about, "forbid it"}, release};
}

}  // namespace

std::string show(std::string_view untrusted, std::size_t max_bytes) {
  return untrusted.empty() ? "<none>" : escape(untrusted, max_bytes);
}

std::string show_kind(const TargetRef& target) {
  std::string kind = show(target.kind, 64);
  for (char& c : kind)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  return kind;
}

std::string show_target(const TargetRef& target) {
  const bool is_on_host = target.kind == "Domain";  // which has no namespaces
  return (is_on_host ? show_kind(target) : show(target.name_space, 64)) + "/" + show(target.name);
}

std::string show_target_with_kind(const TargetRef& target) {
  const bool is_on_host = target.kind == "Domain";
  return show_kind(target) + " " + (is_on_host ? show(target.name) : show_target(target));
}

std::string show_between(const std::optional<WallTime>& from, const std::optional<WallTime>& to) {
  return from && to ? format_duration(*to - *from) : "<none>";
}

Severity severity_of(const Incident& incident) {
  return std::max(incident.status.severity, incident.spec.origin.severity);
}

std::string playbook_of(const Incident& incident) {
  return show(incident.status.playbook.empty() ? incident.spec.playbook : incident.status.playbook);
}

WallTime detected_of(const Incident& incident) {
  return incident.status.times.detected.value_or(incident.spec.origin.detected);
}

bool waits_for_deletion(const Incident& incident) {
  return incident.is_over() && incident.status.awaiting == "release";
}

std::string waiting_for(const Incident& incident) {
  if (incident.is_over() && !waits_for_deletion(incident)) return {};
  if (incident.spec.hold && !incident.is_over()) return "resume";
  return incident.status.awaiting;
}

Tone tone_of(Severity severity) {
  switch (severity) {
    case Severity::kCritical: return Tone::kBad;
    case Severity::kError:
    case Severity::kWarning: return Tone::kWarning;
    case Severity::kInfo: return Tone::kPlain;
  }
  return Tone::kPlain;
}

Tone tone_of(Stage stage) {
  switch (stage) {
    case Stage::kFailed: return Tone::kBad;
    case Stage::kAwaitingApproval:
    case Stage::kHeld: return Tone::kWarning;
    case Stage::kRecovered:
    case Stage::kClosed: return Tone::kGood;
    default: return Tone::kPlain;
  }
}

Tone tone_of(ConditionStatus status) {
  switch (status) {
    case ConditionStatus::kTrue: return Tone::kGood;
    case ConditionStatus::kFalse: return Tone::kWarning;
    case ConditionStatus::kUnknown: return Tone::kPlain;
  }
  return Tone::kPlain;
}

std::vector<NextStep> next_steps(const Incident& incident, const std::string& program) {
  const std::string name = show(incident.name);
  if (waits_for_deletion(incident)) return decision(incident, program, name);
  if (incident.is_over()) return after_the_end(incident, program, name);
  if (incident.spec.release) {
    const bool asks = incident.status.awaiting == "release";
    if (!asks) return {{program + " timeline " + name, "the release is under way"}};
  } else if (incident.spec.hold) {
    return {{program + " resume " + name, "go on where it was stopped"}};
  }
  if (!incident.status.awaiting.empty()) return decision(incident, program, name);
  return {{program + " timeline " + name, "Kintsugi is at work; see how far it is"},
          {program + " hold " + name, "stop it before its next step"}};
}

}  // namespace kintsugi::cli
