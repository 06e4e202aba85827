// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "cli/commands.h"
#include "cli/describe_view.h"
#include "cli/incident_access.h"
#include "cli/incident_facts.h"
#include "cli/list_view.h"
#include "cli/timeline_view.h"
#include "model/incident_json.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kPollInterval{2};

/// What --selector and --target-namespace leave. The API server selects by labels only, and a target's
/// namespace is none.
Result<std::vector<json>> find_incidents(const Session& session) {
  const Invocation& invocation = session.invocation;
  auto objects = list_incidents(session, invocation.selector);
  if (objects && !invocation.pod_namespace.empty()) {
    std::erase_if(*objects, [&](const json& object) {
      return stored_incident_from_json(object).spec.target.name_space != invocation.pod_namespace;
    });
  }
  return objects;
}

/// An empty list has a reason that is easily missed: an incident is not in the namespace of its target.
void explain_absence(const Session& session) {
  const Invocation& invocation = session.invocation;
  const bool filters = !invocation.selector.empty() || !invocation.pod_namespace.empty();
  std::string text = filters ? "no incidents match" : "no incidents";
  const bool on_host = !invocation.host.empty();
  text += on_host                     ? " on this host"
          : invocation.all_namespaces ? " in any namespace"
                                      : " in namespace " + invocation.name_space;
  if (!on_host && !invocation.all_namespaces && !filters) {
    text +=
        "; they live in the controller's namespace (-n), not in their target's: look everywhere with -A, and "
        "filter with --target-namespace";
  }
  session.remark(text);
}

std::vector<Incident> incidents_of(const std::vector<json>& objects) {
  std::vector<Incident> incidents;
  for (const json& object : objects) incidents.push_back(stored_incident_from_json(object));
  return incidents;
}

/// Waits until the next look is due; false at the stop.
bool wait_for_next_look(const Session& session) {
  std::mutex mutex;
  std::condition_variable wake;
  const std::stop_callback on_stop(session.stop, [&] {
    const std::lock_guard lock(mutex);
    wake.notify_all();
  });
  const MonotonicTime due = session.clock.monotonic() + kPollInterval;
  std::unique_lock lock(mutex);
  while (!session.stop.stop_requested() && session.clock.monotonic() < due) {
    session.clock.wait_until(lock, wake, due);
  }
  return !session.stop.stop_requested();
}

/// Looks again and again. What fails on the way is remarked once, and tried again: a watch outlives a restart
/// of the API server.
void watch(const Session& session, ListView& view) {
  bool was_there = true;
  while (session.console.out.good() && wait_for_next_look(session)) {
    auto objects = find_incidents(session);
    if (objects) {
      session.console.out << view.show_news(incidents_of(*objects), session.clock.now()) << std::flush;
    } else if (was_there && !session.stop.stop_requested()) {
      session.remark(objects.error().to_string());
    }
    was_there = objects.has_value();
  }
}

}  // namespace

Result<ExitCode> run_list(const Session& session) {
  const Invocation& invocation = session.invocation;
  auto objects = find_incidents(session);
  if (!objects) return fail(std::move(objects).error());
  const bool wide = invocation.output == OutputFormat::kWide;
  if (!wide && invocation.output != OutputFormat::kTable) {
    session.console.out << list_text(std::move(*objects), invocation.output);
    return ExitCode::kDone;
  }
  ListView view({wide, invocation.all_namespaces, !invocation.no_headers, session.console.colour});
  session.console.out << view.show_news(incidents_of(*objects), session.clock.now()) << std::flush;
  if (objects->empty()) explain_absence(session);
  if (invocation.watch) watch(session, view);
  return ExitCode::kDone;
}

Result<ExitCode> run_complete_incident(const Session& session) {
  const auto objects = list_incidents(session);
  if (!objects) return fail(objects.error());
  for (const Incident& incident : incidents_of(*objects)) {
    session.console.out << show(incident.name) << "\t" << to_string(stage_of(incident)) << ", "
                        << show_target(incident.spec.target) << "\n";
  }
  session.console.out << ":4\n";
  return ExitCode::kDone;
}

Result<ExitCode> run_describe(const Session& session) {
  auto object = read_incident(session);
  if (!object) return fail(std::move(object).error());
  const OutputFormat format = session.invocation.output;
  session.console.out << (format == OutputFormat::kTable
                              ? describe(stored_incident_from_json(*object), session.clock.now(),
                                         {session.invocation.program, session.console.colour})
                              : object_text(*object, format));
  return ExitCode::kDone;
}

Result<ExitCode> run_timeline(const Session& session) {
  auto object = read_incident(session);
  if (!object) return fail(std::move(object).error());
  const Incident incident = stored_incident_from_json(*object);
  if (incident.status.timeline.empty())
    session.remark("nothing is recorded yet: the controller has not seen it");
  std::ostream& out = session.console.out;
  switch (session.invocation.output) {
    case OutputFormat::kJson: out << timeline_as_json(incident); break;
    case OutputFormat::kMarkdown: out << timeline_as_markdown(incident); break;
    default: out << timeline_as_table(incident, !session.invocation.no_headers, session.console.colour);
  }
  return ExitCode::kDone;
}

}  // namespace kintsugi::cli
