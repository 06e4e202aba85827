// SPDX-License-Identifier: Apache-2.0
#include "controller/incident_work.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "base/json_text.h"
#include "controller/target_steps.h"
#include "model/incident_json.h"

namespace kintsugi::controller {

IncidentWork::IncidentWork(World& world, Incident incident, std::shared_ptr<const Playbook> playbook,
                           Mode mode, Voice voice)
    : world_(world),
      incident_(std::move(incident)),
      stored_(json_text(status_to_json(incident_))),
      playbook_(std::move(playbook)),
      mode_(mode),
      voice_(voice) {}

namespace {

/// "redeploy/pin" of "redeploy/pin-2", "contain/isolate" of "contain/isolate/<UID>".
std::string_view without_number(std::string_view id) {
  id = id.substr(0, id.find('/', id.find('/') + 1));
  const std::size_t dash = id.find_last_not_of("0123456789");
  const bool is_numbered = dash != std::string_view::npos && dash + 1 < id.size() && id[dash] == '-';
  return is_numbered ? id.substr(0, dash) : id;
}

constexpr std::string_view kContain = "contain";
constexpr std::string_view kRedeploy = "redeploy";

bool has_open_question(const Incident& incident, std::string_view step) {
  const auto& questions = incident.status.questions;
  return std::any_of(questions.begin(), questions.end(), [&](const Question& question) {
    return question.step == step && find_answer(incident, question.name) == nullptr;
  });
}

/// Whether a redeployment is not to hide what is asked about the containment.
bool is_outranked(const Incident& incident, std::string_view step) {
  return step == kRedeploy && incident.status.awaiting == kContain && has_open_question(incident, kContain);
}

}  // namespace

OwnerRef IncidentWork::owner() const {
  const auto& isolated = incident_.status.containment;
  return isolated ? isolated->controller : incident_.spec.owner;
}

bool IncidentWork::is_still_permitted() const {
  return world_.steps.mode_cap(target()) >= mode_;
}

void IncidentWork::conclude(std::string_view type, const Finding& finding) {
  const Condition* before = find_condition(incident_.status, type);
  const bool news = before == nullptr || before->status != finding.status || before->reason != finding.reason;
  set_condition(incident_, type, finding.status, finding.reason, finding.message, now());
  if (!news) return;
  constexpr std::string_view kStatus[] = {"False", "True", "Unknown"};
  note(std::string(type) + "=" + std::string(kStatus[std::size_t(finding.status)]) + " " + finding.reason +
       ": " + finding.message);
  if (voice_ == Voice::kWinner) return;
  const bool is_warning = !finding.holds();
  world_.announcer.announce(incident_, is_warning, std::string(type) + finding.reason, finding.message);
}

void IncidentWork::note(std::string_view message) {
  add_timeline(incident_.status, now(), "controller", message);
  if (voice_ == Voice::kWinner) return;
  world_.log.info("Incident",
                  {{"incident", incident_.name}, {"target", target().to_string()}, {"event", message}});
}

void IncidentWork::note_once(std::string_view message) {
  const std::string text = escape(message, kMaxTimelineMessageBytes - 4);
  const auto& timeline = incident_.status.timeline;
  const bool is_said = std::any_of(timeline.begin(), timeline.end(),
                                   [&](const TimelineEntry& entry) { return entry.message == text; });
  if (!is_said) note(message);
}

void IncidentWork::await(std::string_view step, std::string_view why) {
  if (is_outranked(incident_, step)) return;
  std::string reason = escape(why, kMaxConditionMessageBytes - 4);
  if (incident_.status.awaiting == step && incident_.status.awaiting_reason == reason) return;
  incident_.status.awaiting = step;
  incident_.status.awaiting_reason = std::move(reason);
  if (step.empty()) return;
  note("Step " + std::string(step) + " waits for a person: " + std::string(why));
  if (voice_ == Voice::kWinner) return;
  world_.announcer.announce(incident_, true, "AwaitingApproval", incident_.status.awaiting_reason);
}

const Approval* IncidentWork::ask(std::string_view step, std::string_view question, std::string_view why) {
  kintsugi::ask(incident_, question, step);
  const Approval* answer = find_answer(incident_, question);
  if (answer == nullptr && may_name(step)) await(step, why);
  return answer;
}

bool IncidentWork::may_name(std::string_view step) const {
  const std::string& named = incident_.status.awaiting;
  if (named.empty() || named == step) return true;
  return (step == kContain && named == kRedeploy) || (step == kRedeploy && named == kContain);
}

void IncidentWork::settle(std::string_view step, std::initializer_list<std::string_view> questions) {
  if (incident_.status.awaiting == step) await("", "");
  for (const std::string_view question : questions) forget_question(incident_.status, question);
}

void IncidentWork::end(Outcome outcome, std::string_view reason, std::string_view message) {
  if (outcome != Outcome::kObserved) {
    for (JournalEntry& entry : incident_.status.journal) {
      if (entry.state != JournalEntry::State::kPlanned) continue;
      entry.state = JournalEntry::State::kAbandoned;
      entry.note = "the incident ended before it was seen whether this was done";
    }
  }
  incident_.status.outcome = outcome;
  if (!incident_.status.times.closed) incident_.status.times.closed = now();
  incident_.status.awaiting.clear();
  incident_.status.awaiting_reason.clear();
  const bool failed = outcome == Outcome::kFailed;
  conclude(failed ? condition::kFailed : condition::kClosed,
           {ConditionStatus::kTrue, std::string(reason), std::string(message)});
}

Result<void> IncidentWork::journal(const Action& action, JournalEntry::State state) {
  auto& entries = incident_.status.journal;
  auto entry = std::find_if(entries.begin(), entries.end(),
                            [&](const JournalEntry& candidate) { return candidate.action.id == action.id; });
  if (entry == entries.end()) {
    std::size_t bytes = action.body.size() + action.undo.size();
    for (const JournalEntry& other : entries) bytes += other.action.body.size() + other.action.undo.size();
    if (bytes > kMaxJournalBytes || entries.size() >= kMaxJournalEntries) {
      return fail(make_error(ErrorCode::kTooLarge, "the plan does not fit into the incident's journal")
                      .on(action.id));
    }
    entries.push_back({action, state, ""});
    return {};
  }
  entry->action = action;
  entry->state = state;
  return {};
}

void IncidentWork::count(const Action& action, bool applied, std::chrono::nanoseconds took) {
  world_.metrics.count_action(without_number(action.id),
                              applied ? metrics::ActionResult::kApplied : metrics::ActionResult::kFailed,
                              took);
}

Result<void> IncidentWork::save() {
  incident_.status.observed_generation = incident_.generation;
  if (json_text(status_to_json(incident_)) == stored_) return {};
  incident_.status.fencing_token = world_.leadership.fencing_token();
  if (voice_ == Voice::kLeader && !world_.leadership.leads()) {
    return fail(make_error(ErrorCode::kUnavailable, "leadership has ended").on(incident_.name));
  }
  auto written = world_.store.update_status(incident_);
  if (!written) return tl::unexpected(std::move(written).error());
  incident_.resource_version = written->resource_version;
  stored_ = json_text(status_to_json(incident_));
  return {};
}

}  // namespace kintsugi::controller
