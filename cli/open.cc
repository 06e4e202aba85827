// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/document.h"
#include "base/strict_reader.h"
#include "cli/commands.h"
#include "cli/incident_access.h"
#include "cli/incident_facts.h"
#include "cli/open_domain.h"
#include "model/incident_json.h"
#include "playbooks/guards.h"
#include "playbooks/loader.h"
#include "targets/kubernetes/objects.h"
#include "targets/kubevirt/launcher.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;

/// Each try means that somebody opened and closed another generation in between.
constexpr int kMaxTries = 8;

unsigned generation_of(const std::string& name) {
  const std::size_t dash = name.rfind('-');
  unsigned generation = 0;
  if (dash != std::string::npos)
    std::from_chars(name.data() + dash + 1, name.data() + name.size(), generation);
  return generation;
}

/// Live: a name may have come back with another UID.
Result<targets::Pod> read_pod(const Session& session) {
  const Invocation& invocation = session.invocation;
  const k8s::ObjectKey key{
      invocation.pod_namespace.empty() ? session.context_namespace : invocation.pod_namespace,
      invocation.pod_name};
  auto object = session.client.get(k8s::kPods, key, session.read_options());
  if (!object) {
    Error error = object.error();
    if (error.code != ErrorCode::kNotFound) return fail(std::move(error));
    return fail(std::move(error).advise("name it as NAMESPACE/NAME"));
  }
  return targets::pod_from(from_json(*object));
}

/// What nobody may do, and an incident that the controller would end at once.
Result<void> check_target(const Session& session, const targets::Pod& pod) {
  const auto verdict = playbooks::check_protection(
      {pod.ref(), session.invocation.name_space, pod.meta.labels, pod.priority_class, pod.is_static});
  if (!verdict.allowed())
    return fail(make_error(ErrorCode::kRefused, verdict.reason).on(show(pod.ref().to_string())));
  auto object = session.client.get(k8s::kNamespaces, {"", pod.meta.name_space}, session.read_options());
  if (!object) return {};  // a responder need not be allowed to read it; the controller looks again
  const auto name_space = targets::namespace_from(from_json(*object));
  if (!name_space) return fail(name_space.error());
  if (name_space->is_protected()) return {};
  return fail(make_error(ErrorCode::kRefused, "the namespace is not protected by Kintsugi")
                  .on("namespace " + pod.meta.name_space)
                  .advise("kubectl label namespace " + pod.meta.name_space + " kintsugi.dev/protected=true"));
}

/// The top of the owner chain, as far as the responder may read it.
OwnerRef owner_of(const Session& session, const targets::Pod& pod) {
  const OwnerRef& controller = pod.meta.controller;
  if (controller.kind != "ReplicaSet") return controller;
  auto object =
      session.client.get(k8s::kReplicaSets, {pod.meta.name_space, controller.name}, session.read_options());
  if (!object) return controller;
  const auto replica_set = targets::replica_set_from(from_json(*object));
  const bool is_owned =
      replica_set && replica_set->meta.uid == controller.uid && !replica_set->meta.controller.kind.empty();
  return is_owned ? replica_set->meta.controller : controller;
}

/// Which version of the playbook is meant, and what it permits. Nothing where there is no such resource: the
/// controller may have it from a file.
Result<std::optional<Playbook>> read_playbook(const Session& session) {
  const std::string& name = session.invocation.playbook;
  auto object = session.client.get(kPlaybooks, {session.invocation.name_space, name}, session.read_options());
  if (!object) {
    const bool may_be_a_file =
        object.error().code == ErrorCode::kNotFound || object.error().code == ErrorCode::kForbidden;
    if (!may_be_a_file) return fail(object.error());
    session.remark("there is no Playbook " + name + " in namespace " + session.invocation.name_space +
                   " to be read; the controller must have it from a file");
    return std::nullopt;
  }
  ProblemList problems("playbook " + name, ProblemList::Positions::kUnknown);
  auto playbook = playbooks::read_playbook(from_json(*object), problems);
  if (!playbook) return fail(problems.to_error());
  return playbook;
}

/// What an incident is to be about.
struct Victim {
  TargetRef target;
  OwnerRef owner;
};

Result<Victim> find_pod(const Session& session) {
  const auto pod = read_pod(session);
  if (!pod) return fail(pod.error());
  if (auto checked = check_target(session, *pod); !checked) return fail(std::move(checked).error());
  // The controller finds its machine.
  if (auto instance = targets::instance_of(*pod)) return Victim{std::move(*instance), {}};
  return Victim{pod->ref(), owner_of(session, *pod)};
}

Result<Victim> find_victim(const Session& session) {
  if (session.invocation.host.empty()) return find_pod(session);
  auto domain = find_domain(session);
  if (!domain) return fail(std::move(domain).error());
  return Victim{std::move(*domain), {}};
}

/// On a host nothing but the name is known of it here.
Result<std::optional<Playbook>> find_playbook(const Session& session) {
  if (session.invocation.host.empty()) return read_playbook(session);
  if (auto checked = check_host_playbook(session); !checked) return fail(std::move(checked).error());
  return std::nullopt;
}

Incident new_incident(const Session& session, const Victim& victim, const std::optional<Playbook>& playbook) {
  const Invocation& invocation = session.invocation;
  Incident incident;
  incident.name_space = invocation.name_space;
  incident.spec.target = victim.target;
  incident.spec.owner = victim.owner;
  Origin& origin = incident.spec.origin;
  origin.source = "person";
  origin.rule = "opened by " + session.user;
  origin.severity = *parse_severity(invocation.severity);
  origin.summary = invocation.reason;
  origin.detected = origin.received = session.clock.now();
  incident.spec.playbook = invocation.playbook;
  incident.spec.playbook_hash = playbook ? playbook->hash : "";
  incident.spec.mode = playbook ? playbook->mode : Mode::kFull;  // the controller caps it by what it knows
  return incident;
}

/// Unchanged where it is what was asked for; another playbook's is not.
ExitCode already_open(const Session& session, const json& object, const Incident& found) {
  const std::string name = show(found.name);
  const bool is_wanted = playbook_of(found) == session.invocation.playbook;
  session.remark("incident " + name + " is open for this " + show_kind(found.spec.target) + " already" +
                 (is_wanted ? "" : ", with playbook " + playbook_of(found)) + "; see '" +
                 session.invocation.program + " describe " + name + "'");
  return is_wanted ? print_unchanged(session, object) : ExitCode::kNothingChanged;
}

/// Whether an object is what we tried to create when no answer came.
bool is_ours(const Incident& found, const Incident& wanted) {
  return found.spec.origin.received == wanted.spec.origin.received &&
         found.spec.origin.rule == wanted.spec.origin.rule;
}

/// Creates the first generation after `incident.name`'s that is free.
Result<ExitCode> create(const Session& session, Incident incident, unsigned generation) {
  for (int attempt = 0; attempt < kMaxTries; ++attempt, ++generation) {
    incident.name = incident_name(incident.spec.target, generation);
    json object = to_json(incident);
    object.erase("status");
    if (session.invocation.dry_run == DryRun::kClient) {
      print_change(session, object, "opened");
      return ExitCode::kDone;
    }
    auto created = session.client.create(kIncidents, incident.name_space, object, session.write_options());
    if (created) {
      print_change(session, *created, "opened");
      return ExitCode::kDone;
    }
    const Error error = created.error();
    if (error.code != ErrorCode::kAlreadyExists && !error.outcome_unknown) return fail(error);
    auto present =
        session.client.get(kIncidents, {incident.name_space, incident.name}, session.read_options());
    if (!present) return fail(error);
    const Incident found = stored_incident_from_json(*present);
    if (error.outcome_unknown && is_ours(found, incident)) {
      print_change(session, *present, "opened");
      return ExitCode::kDone;
    }
    if (!found.is_over() && !found.being_deleted) return already_open(session, *present, found);
  }
  return fail(ErrorCode::kUnavailable,
              "the incidents of this " + show_kind(incident.spec.target) + " change too fast; try again");
}

}  // namespace

Result<ExitCode> run_open(const Session& session) {
  const auto victim = find_victim(session);
  if (!victim) return fail(victim.error());
  std::string selector(kTargetUidLabel);
  selector.append("=").append(victim->target.uid);
  const auto known = list_incidents(session, selector);
  if (!known) return fail(known.error());
  unsigned generation = 0;
  for (const json& object : *known) {
    const Incident incident = stored_incident_from_json(object);
    if (!incident.is_over() && !incident.being_deleted) return already_open(session, object, incident);
    generation = std::max(generation, generation_of(incident.name));
  }
  const auto playbook = find_playbook(session);
  if (!playbook) return fail(playbook.error());
  return create(session, new_incident(session, *victim, *playbook), generation + 1);
}

}  // namespace kintsugi::cli
