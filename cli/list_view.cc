// SPDX-License-Identifier: Apache-2.0
#include "cli/list_view.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "cli/duration_text.h"
#include "cli/incident_facts.h"

namespace kintsugi::cli {
namespace {

std::vector<std::string> titles_of(const ListView::Options& options) {
  std::vector<std::string> titles{"NAME", "SEVERITY", "STAGE", "TARGET", "AGE"};
  if (options.namespaces) titles.insert(titles.begin(), "NAMESPACE");
  if (options.wide) titles.insert(titles.end(), {"WAITING", "PLAYBOOK", "CONTAINED", "RECOVERED"});
  return titles;
}

/// The stage; where it alone would hide that a person is waited for, that too.
Cell show_stage(const Incident& incident) {
  const Stage stage = stage_of(incident);
  std::string text(to_string(stage));
  if (waits_for_deletion(incident)) text += "," + std::string(to_string(Stage::kAwaitingApproval));
  return {std::move(text), waiting_for(incident).empty() ? tone_of(stage) : Tone::kWarning};
}

bool comes_before(const Incident& left, const Incident& right) {
  if (left.is_over() != right.is_over()) return right.is_over();
  if (severity_of(left) != severity_of(right)) return severity_of(left) > severity_of(right);
  if (left.created != right.created) return left.created > right.created;
  return std::tie(left.name_space, left.name) < std::tie(right.name_space, right.name);
}

}  // namespace

ListView::ListView(Options options)
    : options_(options), table_(titles_of(options)), titles_due_(options.titles) {}

std::string ListView::show_news(std::vector<Incident> incidents, WallTime now) {
  std::sort(incidents.begin(), incidents.end(), comes_before);
  for (const Incident& incident : incidents) {
    std::string& shown = shown_[{incident.name_space, incident.name}];
    if (!shown.empty() && shown == incident.resource_version) continue;
    shown = incident.resource_version;
    table_.add(row_of(incident, now));
  }
  if (table_.empty()) return {};
  return table_.take_text(std::exchange(titles_due_, false), options_.colour);
}

Table::Row ListView::row_of(const Incident& incident, WallTime now) const {
  const Severity severity = severity_of(incident);
  Table::Row row{{show(incident.name)},
                 {std::string(to_string(severity)), incident.is_over() ? Tone::kPlain : tone_of(severity)},
                 show_stage(incident),
                 {show_target(incident.spec.target)},
                 {format_age(now - incident.created)}};
  if (options_.namespaces) row.insert(row.begin(), Cell{show(incident.name_space, 64)});
  if (options_.wide) {
    const IncidentTimes& times = incident.status.times;
    const std::string waiting = waiting_for(incident);
    row.insert(row.end(), {{show(waiting, 64), waiting.empty() ? Tone::kPlain : Tone::kWarning},
                           {playbook_of(incident)},
                           {show_between(times.detected, times.contained)},
                           {show_between(times.detected, times.recovered)}});
  }
  return row;
}

}  // namespace kintsugi::cli
