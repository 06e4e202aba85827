// SPDX-License-Identifier: Apache-2.0
//
// What every view of an incident shows. Pure; all text that comes out is safe for a terminal.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/table.h"
#include "model/incident.h"

namespace kintsugi::cli {

/// Escaped; "<none>" where empty.
std::string show(std::string_view untrusted, std::size_t max_bytes = 256);
/// As commands take it: "shop/web-1", or "domain/web-1" for what is no pod.
std::string show_target(const TargetRef& target);
/// What it is: "pod", "domain".
std::string show_kind(const TargetRef& target);
/// With what it is: "pod shop/web-1", "domain web-1".
std::string show_target_with_kind(const TargetRef& target);
/// The duration between two stamps, "<none>" where one is missing.
std::string show_between(const std::optional<WallTime>& from, const std::optional<WallTime>& to);

/// These hold from the creation on, before the controller has written a status.
Severity severity_of(const Incident& incident);
std::string playbook_of(const Incident& incident);
WallTime detected_of(const Incident& incident);

/// Whether it is over, and only what its playbook says about the victim waits for a person.
bool waits_for_deletion(const Incident& incident);
/// The step that waits for a person's decision, or "resume" where a person holds the incident; empty: nobody
/// is waited for.
std::string waiting_for(const Incident& incident);

Tone tone_of(Severity severity);
Tone tone_of(Stage stage);
Tone tone_of(ConditionStatus status);

/// A command for the responder, and what it is good for.
struct NextStep {
  std::string command;
  std::string purpose;
};

/// What a responder does next, most likely first; never empty. `program` is how the command was called, with
/// the flags that chose the cluster.
std::vector<NextStep> next_steps(const Incident& incident, const std::string& program);

}  // namespace kintsugi::cli
