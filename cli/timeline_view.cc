// SPDX-License-Identifier: Apache-2.0
#include "cli/timeline_view.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/time.h"
#include "cli/document_text.h"
#include "cli/incident_facts.h"
#include "cli/table.h"

namespace kintsugi::cli {
namespace {

struct Phase {
  const char* name;
  std::chrono::nanoseconds took;
};

/// The four clocks of docs/design.md and the probation, each where it has stopped.
std::vector<Phase> phases_of(const Incident& incident) {
  const IncidentTimes& times = incident.status.times;
  std::vector<Phase> phases;
  const auto add = [&](const char* name, const std::optional<WallTime>& from,
                       const std::optional<WallTime>& to) {
    if (from && to) phases.push_back({name, *to - *from});
  };
  add("time to detect", times.compromise_start, times.detected);
  add("time to acknowledge", times.detected, times.acknowledged);
  add("time to contain", times.detected, times.contained);
  add("time to recover", times.detected, times.recovered);
  add("probation", times.recovered, times.closed);
  return phases;
}

std::string since_detected(const Incident& incident, WallTime time) {
  const auto passed = time - detected_of(incident);
  return (passed < std::chrono::nanoseconds(0) ? "" : "+") + format_duration(passed);
}

double seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

/// In Markdown a bar would end the cell, and angle brackets or a backtick could begin something.
std::string markdown_cell(const std::string& shown) {
  std::string out;
  for (const char c : shown) {
    if (std::string_view("|<>`*_[]&").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string timeline_as_table(const Incident& incident, bool with_titles, bool colour) {
  Table table({"TIME", "SINCE", "ACTOR", "MESSAGE"});
  for (const TimelineEntry& entry : incident.status.timeline) {
    table.add({{format_micros(entry.time)},
               {since_detected(incident, entry.time)},
               {show(entry.actor, 64)},
               {show(entry.message, kMaxTimelineMessageBytes * 2)}});
  }
  std::string text = table.take_text(with_titles, colour);
  const auto phases = phases_of(incident);
  if (!phases.empty()) text += "\n";
  Table totals({"PHASE", "TOOK"});
  for (const Phase& phase : phases) totals.add({{phase.name}, {format_duration(phase.took)}});
  return text + totals.take_text(false, colour);
}

std::string timeline_as_markdown(const Incident& incident) {
  std::string text = "## Timeline of " + markdown_cell(show(incident.name)) +
                     "\n\n| time (UTC) | since | actor | message |\n|---|---|---|---|\n";
  for (const TimelineEntry& entry : incident.status.timeline) {
    text += "| " + format_micros(entry.time) + " | " + since_detected(incident, entry.time) + " | " +
            markdown_cell(show(entry.actor, 64)) + " | " +
            markdown_cell(show(entry.message, kMaxTimelineMessageBytes * 2)) + " |\n";
  }
  const auto phases = phases_of(incident);
  if (phases.empty()) return text;
  text += "\n| phase | took |\n|---|---|\n";
  for (const Phase& phase : phases)
    text += std::string("| ") + phase.name + " | " + format_duration(phase.took) + " |\n";
  return text;
}

std::string timeline_as_json(const Incident& incident) {
  nlohmann::json entries = nlohmann::json::array();
  for (const TimelineEntry& entry : incident.status.timeline) {
    entries.push_back({{"time", format_micros(entry.time)},
                       {"sinceDetectedSeconds", seconds(entry.time - detected_of(incident))},
                       {"actor", entry.actor},
                       {"message", entry.message}});
  }
  nlohmann::json phases = nlohmann::json::array();
  for (const Phase& phase : phases_of(incident))
    phases.push_back({{"phase", phase.name}, {"seconds", seconds(phase.took)}});
  return to_json_text(
      {{"incident", incident.name}, {"entries", std::move(entries)}, {"phases", std::move(phases)}});
}

}  // namespace kintsugi::cli
