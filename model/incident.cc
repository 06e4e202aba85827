// SPDX-License-Identifier: Apache-2.0
#include "model/incident.h"

#include <algorithm>

#include "base/escape.h"

namespace kintsugi {

Incident::Incident() = default;
Incident::Incident(const Incident& other) = default;
Incident::Incident(Incident&& other) noexcept = default;
Incident& Incident::operator=(const Incident& other) = default;
Incident& Incident::operator=(Incident&& other) noexcept = default;
Incident::~Incident() = default;

std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::kDetected: return "Detected";
    case Stage::kContaining: return "Containing";
    case Stage::kCollecting: return "Collecting";
    case Stage::kRedeploying: return "Redeploying";
    case Stage::kVerifying: return "Verifying";
    case Stage::kRecovered: return "Recovered";
    case Stage::kClosed: return "Closed";
    case Stage::kAwaitingApproval: return "AwaitingApproval";
    case Stage::kHeld: return "Held";
    case Stage::kFailed: return "Failed";
    case Stage::kReleased: return "Released";
  }
  return "Detected";
}

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::kNone: return "";
    case Outcome::kRecovered: return "recovered";
    case Outcome::kReleased: return "released";
    case Outcome::kObserved: return "observed";
    case Outcome::kContained: return "contained";
    case Outcome::kFailed: return "failed";
  }
  return "";
}

std::string_view to_string(Action::Kind kind) {
  switch (kind) {
    case Action::Kind::kPatch: return "patch";
    case Action::Kind::kCreate: return "create";
    case Action::Kind::kDelete: return "delete";
    case Action::Kind::kInvoke: return "invoke";
  }
  return "patch";
}

std::string_view to_string(JournalEntry::State state) {
  switch (state) {
    case JournalEntry::State::kPlanned: return "planned";
    case JournalEntry::State::kApplied: return "applied";
    case JournalEntry::State::kUndone: return "undone";
    case JournalEntry::State::kAbandoned: return "abandoned";
  }
  return "planned";
}

Stage stage_of(const Incident& incident) {
  const IncidentStatus& status = incident.status;
  if (status.outcome == Outcome::kReleased) return Stage::kReleased;
  if (is_true(status, condition::kFailed)) return Stage::kFailed;
  if (is_true(status, condition::kClosed)) return Stage::kClosed;
  if (is_true(status, condition::kHeld)) return Stage::kHeld;
  if (!status.awaiting.empty()) return Stage::kAwaitingApproval;
  if (is_true(status, condition::kRecovered)) return Stage::kRecovered;
  if (is_true(status, condition::kRedeployed)) return Stage::kVerifying;
  if (find_condition(status, condition::kRedeployed) != nullptr) return Stage::kRedeploying;
  if (status.times.evidence_preserved) return Stage::kRedeploying;
  if (find_condition(status, condition::kEvidencePreserved) != nullptr) return Stage::kCollecting;
  if (status.times.contained) return Stage::kCollecting;
  if (find_condition(status, condition::kContained) != nullptr) return Stage::kContaining;
  return Stage::kDetected;
}

Mode mode_of(const Incident& incident) {
  return incident.status.playbook.empty() ? incident.spec.mode : incident.status.mode;
}

bool is_uncontained(const Incident& incident) {
  return !incident.is_over() && mode_of(incident) > Mode::kObserve &&
         !is_true(incident.status, condition::kContained);
}

const Condition* find_condition(const IncidentStatus& status, std::string_view type) {
  const auto found = std::find_if(status.conditions.begin(), status.conditions.end(),
                                  [&](const Condition& condition) { return condition.type == type; });
  return found == status.conditions.end() ? nullptr : &*found;
}

bool is_true(const IncidentStatus& status, std::string_view type) {
  const Condition* condition = find_condition(status, type);
  return condition != nullptr && condition->status == ConditionStatus::kTrue;
}

bool set_condition(Incident& incident, std::string_view type, ConditionStatus status, std::string_view reason,
                   std::string_view message, WallTime now) {
  auto& conditions = incident.status.conditions;
  auto found = std::find_if(conditions.begin(), conditions.end(),
                            [&](const Condition& condition) { return condition.type == type; });
  if (found == conditions.end()) {
    found = conditions.insert(conditions.end(), Condition{std::string(type), status, "", "", now, 0});
  }
  const Condition before = *found;
  if (found->status != status) found->last_transition_time = now;
  found->status = status;
  found->reason = reason;
  found->message = escape(message, kMaxConditionMessageBytes - 4);
  found->observed_generation = incident.generation;
  return !(before == *found);
}

void add_timeline(IncidentStatus& status, WallTime now, std::string_view actor, std::string_view message) {
  std::string text = escape(message, kMaxTimelineMessageBytes - 4);
  if (!status.timeline.empty() && status.timeline.back().message == text) return;
  if (status.timeline.size() >= kMaxTimelineEntries) {
    // The beginning tells what happened first and stays; what goes is the oldest of the rest.
    status.timeline.erase(status.timeline.begin() + kMaxTimelineEntries / 4);
  }
  status.timeline.push_back({now, escape(actor, 128), std::move(text)});
}

namespace {

/// Works on a const status, too.
template <class Signals>
auto find_tally(Signals& signals, std::string_view source, std::string_view rule) {
  return std::find_if(signals.begin(), signals.end(),
                      [&](const SignalTally& tally) { return tally.source == source && tally.rule == rule; });
}

}  // namespace

bool tally_signal(IncidentStatus& status, std::string_view source, std::string_view rule, Severity severity,
                  WallTime time, std::uint64_t count) {
  const bool rises = severity > status.severity;
  status.severity = std::max(status.severity, severity);
  auto& signals = status.signals;
  auto tally = find_tally(signals, source, rule);
  if (tally == signals.end() && signals.size() >= kMaxSignalTallies) {
    rule = kFurtherRules;
    tally = find_tally(signals, source, rule);
  }
  if (tally == signals.end()) {
    signals.push_back({std::string(source), std::string(rule), severity, count, time, time});
    return true;
  }
  tally->count += count;
  tally->severity = std::max(tally->severity, severity);
  tally->first = std::min(tally->first, time);
  tally->last = std::max(tally->last, time);
  return rises;
}

bool is_only_counted(const Incident& incident, std::string_view source, std::string_view rule,
                     Severity severity) {
  const Origin& origin = incident.spec.origin;
  const auto& signals = incident.status.signals;
  // Before the first status write the origin is all there is.
  if (signals.empty()) return origin.source == source && origin.rule == rule && severity <= origin.severity;
  if (severity > incident.status.severity) return false;
  return find_tally(signals, source, rule) != signals.end() ||
         (signals.size() > kMaxSignalTallies && find_tally(signals, source, kFurtherRules) != signals.end());
}

const Approval* find_approval(const IncidentSpec& spec, std::string_view step) {
  const auto found = std::find_if(spec.approvals.rbegin(), spec.approvals.rend(),
                                  [&](const Approval& approval) { return approval.step == step; });
  return found == spec.approvals.rend() ? nullptr : &*found;
}

const Approval* find_answer(const Incident& incident, std::string_view question) {
  const auto& questions = incident.status.questions;
  const auto asked = std::find_if(questions.begin(), questions.end(),
                                  [&](const Question& candidate) { return candidate.name == question; });
  if (asked == questions.end()) return nullptr;
  const auto& decisions = incident.spec.approvals;
  for (std::size_t i = decisions.size(); i > asked->decided_before; --i) {
    if (decisions[i - 1].step == asked->step) return &decisions[i - 1];
  }
  return nullptr;
}

void ask(Incident& incident, std::string_view question, std::string_view step) {
  auto& questions = incident.status.questions;
  const bool is_asked = std::any_of(questions.begin(), questions.end(),
                                    [&](const Question& candidate) { return candidate.name == question; });
  if (is_asked) return;
  questions.push_back({std::string(question), std::string(step), incident.spec.approvals.size()});
}

void forget_question(IncidentStatus& status, std::string_view question) {
  std::erase_if(status.questions, [&](const Question& candidate) { return candidate.name == question; });
}

}  // namespace kintsugi
