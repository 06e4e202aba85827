// SPDX-License-Identifier: Apache-2.0
//
// Incidents as the API server has them, read and changed.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/session.h"
#include "k8s-client/core/patch.h"
#include "k8s-client/core/resource.h"
#include "model/incident.h"

namespace kintsugi::cli {

inline constexpr k8s::Resource kIncidents{"kintsugi.dev", "v1alpha1", "incidents", "Incident"};
inline constexpr k8s::Resource kPlaybooks{"kintsugi.dev", "v1alpha1", "playbooks", "Playbook"};

/// The object of `session.invocation.incident`. Errors say where to look.
Result<nlohmann::json> read_incident(const Session& session);
/// All objects of the namespace, or with --all-namespaces of all, narrowed by a label selector in the API's
/// text form.
Result<std::vector<nlohmann::json>> list_incidents(const Session& session, const std::string& selector = "");

/// A change of one incident's spec, planned on the object as it was read.
struct SpecChange {
  k8s::JsonPatch patch{};  ///< empty: there is nothing to change
  std::string
      done;  ///< "approved": what is printed behind the incident's name; or why nothing is to be changed
  bool is_so_already = false;  ///< an empty patch does what was asked for; otherwise it cannot be done
  std::string question{};      ///< what a person must agree to first; empty: nothing
  bool cannot_be_undone = false;
};
using Planner = std::function<Result<SpecChange>(const nlohmann::json& object, const Incident& incident)>;

/// A patch that holds for this very incident and not for a later one of the same name.
k8s::JsonPatch begin_patch(const Incident& incident);

/// Reads the incident, plans, asks, sends. Where a test of the patch fails because somebody was faster, all
/// of it again, at most five times; the person is asked again only where the question is another one.
Result<ExitCode> change_incident(const Session& session, const Planner& plan);

/// Says what became of an object: "incident.kintsugi.dev/NAME DONE", or as -o says.
void print_change(const Session& session, const nlohmann::json& object, const std::string& done);
/// The same for an object that is as it was to become: "unchanged". Ends well, unless --error-unchanged.
ExitCode print_unchanged(const Session& session, const nlohmann::json& object);

/// An object as people ask for it with -o json, yaml or name: as kubectl shows it, without who owns which
/// field.
std::string object_text(nlohmann::json object, OutputFormat format);
/// Several of them; for json and yaml as a List.
std::string list_text(std::vector<nlohmann::json> objects, OutputFormat format);

}  // namespace kintsugi::cli
