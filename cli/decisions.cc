// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <utility>

#include "base/time.h"
#include "cli/commands.h"
#include "cli/incident_access.h"
#include "cli/incident_facts.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;

constexpr const char* kVictims[] = {"restore", "leave", "delete"};

SpecChange nothing(std::string why) {
  return {.done = std::move(why)};
}

SpecChange unchanged(std::string why) {
  return {.done = std::move(why), .is_so_already = true};
}

/// What stands at `/spec/<key>` now, null where it is absent: for a test, which on the API server passes for
/// null where the member is absent.
json spec_member(const json& object, const char* key) {
  const auto spec = object.find("spec");
  if (spec == object.end() || !spec->is_object()) return {};
  const auto member = spec->find(key);
  return member == spec->end() ? json() : *member;
}

std::string over(const Incident& incident) {
  return "it is over (" + std::string(to_string(stage_of(incident))) + "); nothing was changed";
}

bool was_asked(const Incident& incident, const std::string& step) {
  const auto& questions = incident.status.questions;
  return std::any_of(questions.begin(), questions.end(),
                     [&](const Question& question) { return question.step == step; });
}

Result<SpecChange> plan_decision(const Session& session, const json& object, const Incident& incident) {
  const Invocation& invocation = session.invocation;
  const bool approves = invocation.verb == Verb::kApprove;
  const bool is_named = !invocation.step.empty();
  const std::string step = is_named ? invocation.step : incident.status.awaiting;
  const bool waits = !step.empty() && incident.status.awaiting == step;
  const Approval* before = find_approval(incident.spec, step);
  if (before != nullptr && before->approved == approves && !waits) {
    return unchanged("step " + show(step, 64) + " was " + (approves ? "approved" : "denied") + " by " +
                     show(before->by) + " already");
  }
  if (incident.is_over() && !(waits && waits_for_deletion(incident))) return nothing(over(incident));
  if (step.empty()) return nothing("no step waits for a decision; nothing was changed");
  // A decision answers what was asked before it, and nothing that is asked later.
  if (!waits && !was_asked(incident, step))
    return nothing("step " + show(step, 64) + " does not wait for a decision; nothing was changed");
  SpecChange change{.patch = begin_patch(incident), .done = approves ? "approved" : "denied"};
  const json list = spec_member(object, "approvals");
  const json entry = {{"step", step},
                      {"decision", approves ? "approve" : "deny"},
                      {"by", session.user},
                      {"reason", invocation.reason},
                      {"time", format_micros(session.clock.now())}};
  // The test on the whole list makes two decisions at a time two entries, never one.
  change.patch.test("/spec/approvals", list);
  if (list.is_array()) {
    change.patch.add("/spec/approvals/-", entry);
  } else {
    change.patch.add("/spec/approvals", json::array({entry}));
  }
  if (!is_named) {
    change.question = std::string(approves ? "Approve" : "Deny") + " step " + show(step, 64) + " of " +
                      show(incident.name) + " (" + show_target(incident.spec.target) +
                      "): " + show(incident.status.awaiting_reason, 1024) + "?";
  }
  return change;
}

Result<SpecChange> plan_hold(const Session& session, const Incident& incident) {
  const bool holds = session.invocation.verb == Verb::kHold;
  if (incident.is_over()) return nothing(over(incident));
  if (incident.spec.hold == holds) return unchanged(holds ? "it is held already" : "it is not held");
  SpecChange change{.patch = begin_patch(incident), .done = holds ? "held" : "resumed"};
  change.patch.add("/spec/hold", holds);
  return change;
}

std::string release_question(const Incident& incident, ReleaseOrder::Victim victim) {
  const std::string target = show_target(incident.spec.target);
  switch (victim) {
    case ReleaseOrder::Victim::kRestore:
      return "Give " + target +
             (incident.spec.target.kind == "Domain" ? " its network back?"
                                                    : " its labels and its network back?");
    case ReleaseOrder::Victim::kLeave: return {};
    case ReleaseOrder::Victim::kDelete: return "Delete " + target + "? Its state is gone then.";
  }
  return {};
}

Result<SpecChange> plan_release(const Session& session, const json& object, const Incident& incident) {
  const Invocation& invocation = session.invocation;
  const auto& before = incident.spec.release;
  const std::string victim = kVictims[std::size_t(invocation.victim)];
  const bool was_ordered = before && before->victim == invocation.victim;
  if (incident.is_over() && !(was_ordered && incident.status.outcome == Outcome::kReleased))
    return nothing(over(incident));
  if (was_ordered) {
    return unchanged("its release (victim " + victim + ") was ordered by " + show(before->by) + " already");
  }
  SpecChange change{.patch = begin_patch(incident),
                    .done = "released",
                    .question = release_question(incident, invocation.victim),
                    .cannot_be_undone = invocation.victim == ReleaseOrder::Victim::kDelete};
  change.patch.test("/spec/release", spec_member(object, "release"))
      .add("/spec/release", {{"victim", victim},
                             {"by", session.user},
                             {"reason", invocation.reason},
                             {"time", format_micros(session.clock.now())}});
  return change;
}

}  // namespace

Result<ExitCode> run_decide(const Session& session) {
  return change_incident(session, [&](const json& object, const Incident& incident) {
    return plan_decision(session, object, incident);
  });
}

Result<ExitCode> run_hold(const Session& session) {
  return change_incident(session,
                         [&](const json&, const Incident& incident) { return plan_hold(session, incident); });
}

Result<ExitCode> run_release(const Session& session) {
  return change_incident(session, [&](const json& object, const Incident& incident) {
    return plan_release(session, object, incident);
  });
}

}  // namespace kintsugi::cli
