// SPDX-License-Identifier: Apache-2.0
#include "cli/incident_access.h"

#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "base/escape.h"
#include "cli/document_text.h"
#include "model/incident_json.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;

constexpr int kMaxTries = 5;
constexpr std::size_t kMaxPatchBytes = 16u << 10;

k8s::ObjectKey key_of(const Session& session) {
  return {session.invocation.name_space, session.invocation.incident};
}

std::string full_name(const json& object) {
  return "incident.kintsugi.dev/" + escape(stored_incident_from_json(object).name);
}

json without_managed_fields(json object) {
  if (object.contains("metadata") && object["metadata"].is_object())
    object["metadata"].erase("managedFields");
  return object;
}

std::string document_text(const json& document, OutputFormat format) {
  return format == OutputFormat::kYaml ? to_yaml_text(document) : to_json_text(document);
}

Consent ask(const Session& session, const SpecChange& change) {
  return change.cannot_be_undone ? ask_for_name(session, change.question, session.invocation.incident)
                                 : ask_consent(session, change.question);
}

/// Ends a change that was not agreed to.
ExitCode give_up(const Session& session, Consent consent, const SpecChange& change) {
  if (consent == Consent::kRefused) {
    session.remark("nothing was changed");
    return ExitCode::kNothingChanged;
  }
  session.remark(change.question);
  session.remark(change.cannot_be_undone
                     ? "there is no terminal to ask on: add --confirm=" + session.invocation.incident
                     : std::string("there is no terminal to ask on: add --yes"));
  return ExitCode::kWrongUse;
}

Result<json> send(const Session& session, const json& object, const k8s::JsonPatch& patch) {
  if (session.invocation.dry_run == DryRun::kClient) return k8s::apply_json_patch(object, patch.to_text());
  auto changed = session.client.patch(kIncidents, key_of(session), patch, "", session.write_options());
  if (changed) return std::move(*changed);
  Error error = changed.error();
  if (error.outcome_unknown) {
    return fail(std::move(error).advise("it may have been done all the same: look with '" +
                                        session.invocation.program + " describe " +
                                        session.invocation.incident + "'"));
  }
  return fail(std::move(error));
}

}  // namespace

Result<json> read_incident(const Session& session) {
  auto object = session.client.get(kIncidents, key_of(session), session.read_options());
  if (object) return std::move(*object);
  Error error = object.error();
  if (error.code != ErrorCode::kNotFound) return fail(std::move(error));
  return fail(
      make_error(ErrorCode::kNotFound, session.invocation.host.empty()
                                           ? "no such incident in namespace " + session.invocation.name_space
                                           : "no such incident on this host")
          .on("incident " + session.invocation.incident)
          .advise("'" + session.invocation.program + " list' shows what there is"));
}

Result<std::vector<json>> list_incidents(const Session& session, const std::string& selector) {
  k8s::ListParams params;
  params.label_selector = selector;
  const std::string name_space = session.invocation.all_namespaces ? "" : session.invocation.name_space;
  auto objects = session.client.list(kIncidents, name_space, params, session.read_options());
  if (objects) return std::move(*objects);
  Error error = objects.error();
  if (objects.error().http_status != 404) return fail(std::move(error));
  return fail(
      std::move(error).advise("is Kintsugi installed in this cluster? Its resource definitions are missing"));
}

k8s::JsonPatch begin_patch(const Incident& incident) {
  k8s::JsonPatch patch;
  patch.test("/metadata/uid", incident.uid);
  return patch;
}

Result<ExitCode> change_incident(const Session& session, const Planner& plan) {
  std::string agreed;
  Error last;
  for (int attempt = 0; attempt < kMaxTries; ++attempt) {
    auto object = read_incident(session);
    if (!object) return fail(std::move(object).error());
    const Incident incident = stored_incident_from_json(*object);
    auto change = plan(*object, incident);
    if (!change) return fail(std::move(change).error());
    if (change->patch.empty()) {
      session.remark("incident " + session.invocation.incident + ": " + change->done);
      return change->is_so_already ? print_unchanged(session, *object) : ExitCode::kNothingChanged;
    }
    if (!change->question.empty() && change->question != agreed) {
      if (const Consent consent = ask(session, *change); consent != Consent::kGiven) {
        return give_up(session, consent, *change);
      }
      agreed = change->question;
    }
    auto changed = send(session, *object, change->patch);
    if (changed) {
      print_change(session, *changed, change->done);
      if (session.invocation.dry_run == DryRun::kClient &&
          session.invocation.output == OutputFormat::kTable) {
        session.console.out << to_json_line(change->patch.to_text(), kMaxPatchBytes) << "\n";
      }
      return ExitCode::kDone;
    }
    last = std::move(changed).error();
    if (last.code != ErrorCode::kConflict) break;
  }
  return fail(std::move(last));
}

void print_change(const Session& session, const json& object, const std::string& done) {
  const Invocation& invocation = session.invocation;
  if (invocation.output != OutputFormat::kTable) {
    session.console.out << object_text(object, invocation.output);
    return;
  }
  constexpr std::string_view kSuffix[] = {"", " (dry run)", " (server dry run)"};
  session.console.out << full_name(object) << " " << done << kSuffix[std::size_t(invocation.dry_run)] << "\n";
}

ExitCode print_unchanged(const Session& session, const json& object) {
  print_change(session, object, "unchanged");
  return session.invocation.error_unchanged ? ExitCode::kNothingChanged : ExitCode::kDone;
}

std::string object_text(json object, OutputFormat format) {
  if (format == OutputFormat::kName) return full_name(object) + "\n";
  return document_text(without_managed_fields(std::move(object)), format);
}

std::string list_text(std::vector<json> objects, OutputFormat format) {
  if (format == OutputFormat::kName) {
    std::string text;
    for (const json& object : objects) text += full_name(object) + "\n";
    return text;
  }
  json items = json::array();
  for (json& object : objects) items.push_back(without_managed_fields(std::move(object)));
  return document_text({{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}}, format);
}

}  // namespace kintsugi::cli
