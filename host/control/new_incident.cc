// SPDX-License-Identifier: Apache-2.0
#include "host/control/new_incident.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/escape.h"
#include "base/time.h"
#include "host/control/incident_object.h"
#include "model/incident_json.h"

namespace kintsugi::host {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxSummaryBytes = 8192;
constexpr std::size_t kMaxHashBytes = 64;
constexpr unsigned kMaxGeneration = 999'999;

/// What is wrong: the field, and why. Nothing: an empty field.
struct Trouble {
  const char* field = "";
  std::string why{};
};

/// Whether the name is what all openings of this target meet in.
bool is_name_of_target(const Incident& incident) {
  const std::string& name = incident.name;
  const std::size_t dash = name.rfind('-');
  if (dash == std::string::npos) return false;
  unsigned generation = 0;
  std::from_chars(name.data() + dash + 1, name.data() + name.size(), generation);
  const bool is_in_range = generation >= 1 && generation <= kMaxGeneration;
  return is_in_range && name == incident_name(incident.spec.target, generation);
}

Trouble check_target(const TargetRef& target, const OpeningRules& rules) {
  if (target.kind != "Domain")
    return {"spec.target.kind", "must be Domain: on this host targets are domains"};
  if (target.name_space != rules.name_space) return {"spec.target.namespace", "must be " + rules.name_space};
  const auto domain = std::find_if(rules.domains.begin(), rules.domains.end(), [&](const DomainEntry& one) {
    return one.name == target.name && one.uuid == target.uid;
  });
  if (domain == rules.domains.end()) return {"spec.target", "there is no such domain"};
  if (!domain->is_protected) return {"spec.target", "the domain is not protected by Kintsugi"};
  return {};
}

Trouble check_spec(const IncidentSpec& spec, const OpeningRules& rules) {
  if (Trouble trouble = check_target(spec.target, rules); *trouble.field != '\0') return trouble;
  const auto& known = rules.playbooks;
  if (std::find(known.begin(), known.end(), spec.playbook) == known.end())
    return {"spec.playbook", "there is no playbook \"" + escape(spec.playbook, 253) + "\""};
  if (spec.playbook_hash.size() > kMaxHashBytes)
    return {"spec.playbookHash", "may not be more than 64 bytes"};
  if (spec.origin.source != "person") return {"spec.origin.source", "must be person"};
  if (spec.origin.summary.size() > kMaxSummaryBytes)
    return {"spec.origin.summary", "may not be more than 8192 bytes"};
  if (!spec.owner.kind.empty()) return {"spec.owner", "a domain has none"};
  if (!spec.approvals.empty()) return {"spec.approvals", "nothing has been asked yet"};
  if (spec.release) return {"spec.release", "there is nothing to release yet"};
  return {};
}

Trouble check(const json& object, const Incident& incident, const OpeningRules& rules) {
  if (object.value("apiVersion", json()) != kApiVersion)
    return {"apiVersion", "must be " + std::string(kApiVersion)};
  if (object.value("kind", json()) != "Incident") return {"kind", "must be Incident"};
  if (!incident.name_space.empty() && incident.name_space != rules.name_space)
    return {"metadata.namespace", "must be that of the path"};
  if (Trouble trouble = check_spec(incident.spec, rules); *trouble.field != '\0') return trouble;
  if (!is_name_of_target(incident)) return {"metadata.name", "must be that of a generation of the target"};
  return {};
}

}  // namespace

Answer<Incident> read_new_incident(const json& object, const OpeningRules& rules, const Person& person) {
  if (!object.is_object()) return refuse(bad_request("the body must be an object"));
  json written = object;
  written.erase("status");
  // What has no time of its own is of now.
  if (json& metadata = written["metadata"]; metadata.is_object())
    metadata["creationTimestamp"] = format_micros(person.now);
  const auto read = incident_from_json(written);
  if (!read) return refuse(invalid("the incident", "object", read.error().to_string()));
  if (const Trouble trouble = check(object, *read, rules); *trouble.field != '\0')
    return refuse(invalid(describe(kIncidentResource, read->name), trouble.field, trouble.why));
  Incident incident;
  incident.name = read->name;
  incident.name_space = rules.name_space;
  incident.created = person.now;
  incident.has_ledger_finalizer = true;
  incident.spec = read->spec;
  Origin& origin = incident.spec.origin;
  origin.rule = "opened by " + person.name;
  origin.container.clear();
  origin.note.clear();
  origin.time_was_clamped = false;
  return incident;
}

}  // namespace kintsugi::host
