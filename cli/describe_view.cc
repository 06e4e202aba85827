// SPDX-License-Identifier: Apache-2.0
#include "cli/describe_view.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/document.h"
#include "base/time.h"
#include "cli/document_text.h"
#include "cli/duration_text.h"
#include "cli/incident_facts.h"
#include "cli/table.h"

namespace kintsugi::cli {
namespace {

/// A longer operation of a patch is cut; `-o json` has all of it.
constexpr std::size_t kMaxOperationBytes = 2048;
constexpr std::size_t kLatestEntries = 5;

/// Builds the text section by section.
class Description {
 public:
  Description(const Incident& incident, WallTime now, const DescribeOptions& options)
      : incident_(incident), status_(incident.status), now_(now), options_(options) {}

  std::string text() {
    summary();
    times();
    conditions();
    signals();
    images();
    evidence();
    actions();
    decisions();
    latest();
    next();
    return std::move(text_);
  }

 private:
  using Field = std::pair<const char*, Cell>;

  std::string stamp(WallTime time) const {
    return format_seconds(time) + " (" + format_age(now_ - time) + " ago)";
  }
  void line(std::string_view text) { text_ += std::string(text) + "\n"; }
  void title(std::string_view text) { line("\n" + paint(text, Tone::kTitle, options_.colour) + ":"); }
  void fields(const std::vector<Field>& list, std::string_view indent) {
    Table table({"", ""});
    for (const auto& [name, value] : list) table.add({{std::string(name) + ":"}, value});
    text_ += table.take_text(false, options_.colour, indent);
  }
  void section(std::string_view name, Table table) {
    if (table.empty()) return;
    title(name);
    text_ += table.take_text(true, options_.colour, "  ");
  }

  void summary();
  void times();
  void conditions();
  void signals();
  void images();
  void evidence();
  void actions();
  void action(const JournalEntry& entry);
  void decisions();
  void latest();
  void next();

  const Incident& incident_;
  const IncidentStatus& status_;
  const WallTime now_;
  const DescribeOptions& options_;
  std::string text_;
};

void Description::summary() {
  const IncidentSpec& spec = incident_.spec;
  const Stage stage = stage_of(incident_);
  const Severity severity = severity_of(incident_);
  std::vector<Field> list{
      {"Name", {show(incident_.name)}},
      {"Namespace", {show(incident_.name_space)}},
      {"Severity", {std::string(to_string(severity)), tone_of(severity)}},
      {"Stage", {std::string(to_string(stage)), tone_of(stage)}},
      {"Target", {show_target_with_kind(spec.target) + " (UID " + show(spec.target.uid, 64) + ")"}},
      {"Owner",
       {spec.owner.kind.empty() ? "<none>" : show(spec.owner.kind, 64) + " " + show(spec.owner.name)}},
      {"Playbook", {playbook_of(incident_) + " (mode " + std::string(to_string(mode_of(incident_))) + ")"}},
      {"Opened by", {show(spec.origin.source, 64) + ": " + show(spec.origin.rule)}},
      {"Summary", {show(spec.origin.summary, 1024)}}};
  if (!spec.origin.container.empty()) list.push_back({"Container", {show(spec.origin.container)}});
  if (!status_.replacement.empty())
    list.push_back({"Replacement", {show_kind(spec.target) + " " + show(status_.replacement)}});
  if (incident_.is_over())
    list.push_back({"Outcome", {std::string(to_string(status_.outcome)), tone_of(stage)}});
  if (!incident_.problem.empty()) list.push_back({"Problem", {show(incident_.problem, 1024), Tone::kBad}});
  if (const std::string waiting = waiting_for(incident_); waiting == "resume") {
    list.push_back({"Waiting", {"held by a person", Tone::kWarning}});
  } else if (!waiting.empty()) {
    list.push_back(
        {"Waiting", {show(waiting, 64) + ": " + show(status_.awaiting_reason, 1024), Tone::kWarning}});
  }
  fields(list, "");
}

void Description::times() {
  const IncidentTimes& times = status_.times;
  const std::pair<const char*, const std::optional<WallTime>&> stamps[] = {
      {"compromised", times.compromise_start}, {"detected", times.detected},
      {"acknowledged", times.acknowledged},    {"contained", times.contained},
      {"evidence", times.evidence_preserved},  {"redeployed", times.redeployed},
      {"recovered", times.recovered},          {"closed", times.closed}};
  Table table({"WHAT", "TIME", "SINCE DETECTED"});
  for (const auto& [name, time] : stamps) {
    if (time) table.add({{name}, {format_micros(*time)}, {show_between(times.detected, time)}});
  }
  section("Times", std::move(table));
}

void Description::conditions() {
  constexpr const char* kStatus[] = {"False", "True", "Unknown"};
  Table table({"CONDITION", "STATUS", "REASON", "AGE", "MESSAGE"});
  for (const Condition& condition : status_.conditions) {
    table.add({{show(condition.type, 64)},
               {kStatus[std::size_t(condition.status)], tone_of(condition.status)},
               {show(condition.reason, 64)},
               {format_age(now_ - condition.last_transition_time)},
               {show(condition.message, kMaxConditionMessageBytes * 2)}});
  }
  section("Conditions", std::move(table));
}

void Description::signals() {
  Table table({"SOURCE", "RULE", "SEVERITY", "COUNT", "LAST"});
  for (const SignalTally& tally : status_.signals) {
    table.add({{show(tally.source, 64)},
               {show(tally.rule)},
               {std::string(to_string(tally.severity)), tone_of(tally.severity)},
               {std::to_string(tally.count)},
               {stamp(tally.last)}});
  }
  section("Signals", std::move(table));
}

void Description::images() {
  Table table({"CONTAINER", "DIGEST", "POLICY", "ORIGIN"});
  for (const TrustedImage& image : status_.images) {
    table.add({{show(image.container, 64)},
               {show(image.digest, 80)},
               {show(image.policy, 64)},
               {show(image.origin, 64)}});
  }
  section("Trusted images", std::move(table));
  if (!status_.containment) return;
  for (const RunningImage& running : status_.containment->images) {
    line("  The victim ran " + show(running.image) + ", reported as " + show(running.image_id));
  }
}

void Description::evidence() {
  if (status_.evidence_location.empty()) return;
  title("Evidence");
  fields({{"Location", {show(status_.evidence_location, 512)}},
          {"Manifest SHA-256", {show(status_.evidence_manifest_sha256, 80)}}},
         "  ");
}

/// The exact change, one operation of a patch per line.
void Description::action(const JournalEntry& entry) {
  const Action& action = entry.action;
  line("  " + paint("[" + std::string(to_string(entry.state)) + "]", Tone::kTitle, options_.colour) + " " +
       show(action.id, 128) + ": " + show(action.description, 512));
  line("    " + std::string(to_string(action.kind)) + " " + show(action.resource, 128) + " " +
       show(action.name_space, 64) + "/" + show(action.name));
  if (!entry.note.empty()) line("    " + show(entry.note, 512));
  const bool shows_body = entry.state == JournalEntry::State::kPlanned && !action.body.empty();
  if (!shows_body) return;
  const auto body = parse_json(action.body);
  if (!body || !body->is_array()) return line("      " + to_json_line(action.body, kMaxOperationBytes));
  for (const nlohmann::json& operation : *body) {
    line("      " + to_json_line(operation.dump(-1, ' ', true), kMaxOperationBytes));
  }
}

void Description::actions() {
  if (status_.journal.empty()) return;
  title(mode_of(incident_) == Mode::kObserve ? "Actions (mode observe: planned only, nothing was changed)"
                                             : "Actions");
  for (const JournalEntry& entry : status_.journal) action(entry);
}

void Description::decisions() {
  Table table({"DECISION", "BY", "TIME", "REASON"});
  for (const Approval& approval : incident_.spec.approvals) {
    table.add({{(approval.approved ? "approve " : "deny ") + show(approval.step, 64)},
               {show(approval.by)},
               {stamp(approval.time)},
               {show(approval.reason, 1024)}});
  }
  if (const auto& release = incident_.spec.release) {
    constexpr const char* kVictim[] = {"restore", "leave", "delete"};
    table.add({{std::string("release, victim ") + kVictim[std::size_t(release->victim)]},
               {show(release->by)},
               {stamp(release->time)},
               {show(release->reason, 1024)}});
  }
  section("Decisions", std::move(table));
}

void Description::latest() {
  const auto& timeline = status_.timeline;
  if (timeline.empty()) return;
  Table table({"TIME", "ACTOR", "MESSAGE"});
  const std::size_t first = timeline.size() > kLatestEntries ? timeline.size() - kLatestEntries : 0;
  for (std::size_t i = first; i < timeline.size(); ++i) {
    table.add({{format_seconds(timeline[i].time)},
               {show(timeline[i].actor, 64)},
               {show(timeline[i].message, kMaxTimelineMessageBytes * 2)}});
  }
  section("Latest", std::move(table));
}

void Description::next() {
  title("Next");
  for (const NextStep& step : next_steps(incident_, options_.program)) {
    line("  " + step.command);
    line("      " + step.purpose);
  }
}

}  // namespace

std::string describe(const Incident& incident, WallTime now, const DescribeOptions& options) {
  return Description(incident, now, options).text();
}

}  // namespace kintsugi::cli
