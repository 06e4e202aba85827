// SPDX-License-Identifier: Apache-2.0
#include "host/control/decisions.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/strict_reader.h"
#include "base/time.h"
#include "host/control/incident_object.h"
#include "incidents/decisions.h"
#include "k8s-client/core/patch.h"

namespace kintsugi::host {
namespace {

using nlohmann::json;

constexpr const char* kDecided[] = {"hold", "approvals", "release"};

constexpr TextLimits kNameLimits{.max_bytes = 253};
constexpr TextLimits kReasonLimits{.max_bytes = kMaxReasonBytes};

/// `/spec/<key>`, null where it is absent.
json member_of(const json& spec, const char* key) {
  const auto found = spec.find(key);
  return found == spec.end() ? json() : *found;
}

/// The object without what a person decides.
json fixed_part(json object) {
  for (const char* key : kDecided) object["spec"].erase(key);
  return object;
}

bool changes_fixed_part(const json& before, const json& after) {
  const bool has_spec = after.is_object() && after.contains("spec") && after["spec"].is_object();
  return !has_spec || fixed_part(before) != fixed_part(after);
}

WallTime read_time(ObjectReader& reader, WallTime now) {
  std::string text;
  if (!reader.string("time", text)) return now;
  const auto time = parse_rfc3339(text);
  if (!time) reader.report("time", "must be an RFC 3339 time");
  return time.value_or(now);
}

Approval read_approval(const Node& node, const std::string& path, const Person& person,
                       ProblemList& problems) {
  ObjectReader reader(node, path, {"step", "decision", "by", "reason", "time"}, problems);
  Approval approval;
  std::string claimed;
  std::string_view step;
  reader.word<std::string_view>("step", step,
                                {{"contain", "contain"},
                                 {"collect", "collect"},
                                 {"redeploy", "redeploy"},
                                 {"verify", "verify"},
                                 {"release", "release"}},
                                Presence::kRequired);
  approval.step = step;
  reader.word<bool>("decision", approval.approved, {{"approve", true}, {"deny", false}}, Presence::kRequired);
  reader.string("by", claimed, Presence::kOptional, kNameLimits);
  approval.by = person.name;
  reader.string("reason", approval.reason, Presence::kOptional, kReasonLimits);
  approval.time = read_time(reader, person.now);
  return approval;
}

void read_approvals(const json& before, const json& after, const Person& person, ProblemList& problems,
                    std::vector<Approval>& approvals) {
  const std::size_t kept = approvals.size();
  const auto complain = [&](const char* message) { problems.add({}, "spec.approvals", message); };
  if (!after.is_array()) return kept == 0 && after.is_null() ? void() : complain("cannot be taken back");
  if (after.size() > incidents::kMaxApprovals) return complain("has more than 32 entries");
  if (after.size() < kept)
    return complain("entries can be added at the end, and neither changed nor removed");
  for (std::size_t i = 0; i < kept; ++i) {
    if (after[i] != before[i])
      return complain("entries can be added at the end, and neither changed nor removed");
  }
  for (std::size_t i = kept; i < after.size(); ++i) {
    approvals.push_back(read_approval(from_json(after[i]), join_path("spec.approvals", i), person, problems));
  }
}

ReleaseOrder read_release(const Node& node, const Person& person, ProblemList& problems) {
  using Victim = ReleaseOrder::Victim;
  ObjectReader reader(node, "spec.release", {"victim", "by", "reason", "time"}, problems);
  ReleaseOrder order;
  std::string claimed;
  reader.word<Victim>(
      "victim", order.victim,
      {{"restore", Victim::kRestore}, {"leave", Victim::kLeave}, {"delete", Victim::kDelete}});
  reader.string("by", claimed, Presence::kOptional, kNameLimits);
  order.by = person.name;
  reader.string("reason", order.reason, Presence::kOptional, kReasonLimits);
  order.time = read_time(reader, person.now);
  return order;
}

void read_hold(const json& hold, ProblemList& problems, bool& out) {
  if (!hold.is_boolean() && !hold.is_null()) problems.add({}, "spec.hold", "must be a boolean");
  out = hold.is_boolean() && hold.get<bool>();
}

}  // namespace

Answer<Incident> apply_decisions(const Incident& incident, const std::string& name_space,
                                 std::string_view patch, const Person& person) {
  const std::string what = describe(kIncidentResource, incident.name);
  const json before = to_object(incident, name_space);
  const auto after = k8s::apply_json_patch(before, patch);
  if (!after && after.error().code == ErrorCode::kConflict) return refuse(failed_patch_test());
  if (!after) return refuse(bad_request("the patch cannot be applied: " + after.error().to_string()));
  if (changes_fixed_part(before, *after))
    return refuse(invalid(what, "spec", "only hold, approvals and release can be changed"));
  const json& old_spec = before["spec"];
  const json& new_spec = (*after)["spec"];
  Incident decided = incident;
  ProblemList problems(what, ProblemList::Positions::kUnknown);
  read_hold(member_of(new_spec, "hold"), problems, decided.spec.hold);
  read_approvals(member_of(old_spec, "approvals"), member_of(new_spec, "approvals"), person, problems,
                 decided.spec.approvals);
  const json release = member_of(new_spec, "release");
  if (release.is_null()) {
    decided.spec.release.reset();
  } else if (release != member_of(old_spec, "release")) {
    decided.spec.release = read_release(from_json(release), person, problems);
  }
  if (problems.empty()) return decided;
  const Problem& first = problems.all().front();
  return refuse(invalid(what, first.path, first.message));
}

}  // namespace kintsugi::host
