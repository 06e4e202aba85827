// SPDX-License-Identifier: Apache-2.0
#include "model/incident_json.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/time.h"

namespace kintsugi {
namespace {

using nlohmann::json;

// ---- writing
// -------------------------------------------------------------------------------------------------------

void put(json& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}

void put(json& object, const char* key, const std::optional<WallTime>& time) {
  if (time) object[key] = format_micros(*time);
}

json owner_to_json(const OwnerRef& owner) {
  return {{"kind", owner.kind}, {"name", owner.name}, {"uid", owner.uid}};
}

json spec_to_json(const IncidentSpec& spec) {
  json origin = {{"source", spec.origin.source},
                 {"severity", to_string(spec.origin.severity)},
                 {"detectedTime", format_micros(spec.origin.detected)},
                 {"receivedTime", format_micros(spec.origin.received)}};
  put(origin, "rule", spec.origin.rule);
  put(origin, "summary", spec.origin.summary);
  put(origin, "container", spec.origin.container);
  put(origin, "note", spec.origin.note);
  put(origin, "compromiseStartTime", spec.origin.compromise_start);
  if (spec.origin.time_was_clamped) origin["timeWasClamped"] = true;
  json out = {{"target",
               {{"kind", spec.target.kind},
                {"namespace", spec.target.name_space},
                {"name", spec.target.name},
                {"uid", spec.target.uid}}},
              {"origin", std::move(origin)},
              {"playbook", spec.playbook},
              {"mode", to_string(spec.mode)}};
  if (!spec.owner.kind.empty()) out["owner"] = owner_to_json(spec.owner);
  put(out, "playbookHash", spec.playbook_hash);
  if (spec.hold) out["hold"] = true;
  for (const Approval& approval : spec.approvals) {
    out["approvals"].push_back({{"step", approval.step},
                                {"decision", approval.approved ? "approve" : "deny"},
                                {"by", approval.by},
                                {"reason", approval.reason},
                                {"time", format_micros(approval.time)}});
  }
  if (spec.release) {
    constexpr const char* kVictim[] = {"restore", "leave", "delete"};
    out["release"] = {{"victim", kVictim[std::size_t(spec.release->victim)]},
                      {"by", spec.release->by},
                      {"reason", spec.release->reason},
                      {"time", format_micros(spec.release->time)}};
  }
  return out;
}

json condition_to_json(const Condition& condition) {
  constexpr const char* kStatus[] = {"False", "True", "Unknown"};
  return {{"type", condition.type},
          {"status", kStatus[std::size_t(condition.status)]},
          {"reason", condition.reason},
          {"message", condition.message},
          {"lastTransitionTime", format_seconds(condition.last_transition_time)},
          {"observedGeneration", condition.observed_generation}};
}

json times_to_json(const IncidentTimes& times) {
  json out = json::object();
  put(out, "compromiseStart", times.compromise_start);
  put(out, "detected", times.detected);
  put(out, "acknowledged", times.acknowledged);
  put(out, "contained", times.contained);
  put(out, "evidencePreserved", times.evidence_preserved);
  put(out, "redeployed", times.redeployed);
  put(out, "recovered", times.recovered);
  put(out, "closed", times.closed);
  return out;
}

json journal_to_json(const JournalEntry& entry) {
  const Action& action = entry.action;
  json out = {{"id", action.id},
              {"kind", to_string(action.kind)},
              {"resource", action.resource},
              {"namespace", action.name_space},
              {"name", action.name},
              {"description", action.description},
              {"state", to_string(entry.state)}};
  put(out, "uid", action.uid);
  put(out, "body", action.body);
  put(out, "undo", action.undo);
  put(out, "note", entry.note);
  return out;
}

json containment_to_json(const ContainmentRecord& record) {
  json out = {{"labels", record.labels}, {"reassertions", record.reassertions}};
  if (record.time) out["time"] = format_micros(*record.time);
  put(out, "node", record.node);
  for (const RunningImage& running : record.images) {
    out["images"].push_back(
        {{"container", running.container}, {"image", running.image}, {"imageID", running.image_id}});
  }
  if (!record.controller.kind.empty()) out["controller"] = owner_to_json(record.controller);
  return out;
}

json image_to_json(const TrustedImage& image) {
  return {{"container", image.container}, {"image", image.image},
          {"digest", image.digest},       {"equivalentDigests", image.equivalents},
          {"policy", image.policy},       {"keyID", image.key_id},
          {"origin", image.origin},       {"asked", image.asked}};
}

// ---- reading
// -------------------------------------------------------------------------------------------------------

/// Reads members of one object; the first failure is kept and later reads return defaults.
class Reader {
 public:
  Reader(const json& object, std::string path, Error& error)
      : object_(object), path_(std::move(path)), error_(error) {
    if (!object_.is_object() && !object_.is_null()) wrong(path_, "an object");
  }

  std::string text(const char* key) {
    const json* value = find(key);
    if (value == nullptr) return {};
    if (!value->is_string()) return wrong(member(key), "a string"), std::string();
    return value->get<std::string>();
  }

  bool boolean(const char* key) {
    const json* value = find(key);
    if (value == nullptr) return false;
    if (!value->is_boolean()) return wrong(member(key), "a boolean");
    return value->get<bool>();
  }

  std::int64_t integer(const char* key) {
    const json* value = find(key);
    if (value == nullptr) return 0;
    if (!value->is_number_integer()) return wrong(member(key), "an integer"), 0;
    return value->get<std::int64_t>();
  }

  /// From 0 to `most`.
  std::int64_t natural(const char* key, std::int64_t most = std::numeric_limits<std::int64_t>::max()) {
    const std::int64_t value = integer(key);
    if (value < 0 || value > most) return wrong(member(key), "from 0 to " + std::to_string(most)), 0;
    return value;
  }

  std::optional<WallTime> time(const char* key) {
    const std::string value = text(key);
    if (value.empty()) return std::nullopt;
    auto parsed = parse_rfc3339(value);
    if (!parsed) return wrong(member(key), "an RFC 3339 time"), std::nullopt;
    return *parsed;
  }

  template <class T, std::size_t N>
  T word(const char* key, const std::array<T, N>& values, T fallback) {
    const std::string value = text(key);
    if (value.empty()) return fallback;
    for (const T candidate : values) {
      if (to_string(candidate) == value) return candidate;
    }
    return wrong(member(key), "one of the known words"), fallback;
  }

  Reader object(const char* key) {
    const json* value = find(key);
    return {value == nullptr ? kNothing : *value, member(key), error_};
  }

  bool has(const char* key) const { return find(key) != nullptr; }

  template <class F>
  void each(const char* key, F&& use) {
    const json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_array()) return void(wrong(member(key), "a list"));
    for (std::size_t i = 0; i < value->size(); ++i)
      use(Reader((*value)[i], member(key) + "[" + std::to_string(i) + "]", error_));
  }

  Labels labels(const char* key) {
    Labels out;
    const json* value = find(key);
    if (value == nullptr) return out;
    if (!value->is_object()) return wrong(member(key), "a map"), out;
    for (const auto& [name, item] : value->items()) {
      if (!item.is_string()) return wrong(member(key) + "." + name, "a string"), out;
      out.emplace(name, item.template get<std::string>());
    }
    return out;
  }

  std::vector<std::string> texts(const char* key) {
    std::vector<std::string> out;
    const json* value = find(key);
    if (value == nullptr) return out;
    for (const json& item : *value) {
      if (!item.is_string()) return wrong(member(key), "a list of strings"), out;
      out.push_back(item.get<std::string>());
    }
    return out;
  }

  std::string required(const char* key) {
    std::string value = text(key);
    if (value.empty()) wrong(member(key), "given");
    return value;
  }

 private:
  static inline const json kNothing = nullptr;

  const json* find(const char* key) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  std::string member(const char* key) const { return path_.empty() ? key : path_ + "." + key; }

  bool wrong(const std::string& path, std::string_view expected) {
    if (error_.message.empty()) {
      error_ = make_error(ErrorCode::kInvalidInput, path + " must be " + std::string(expected));
    }
    return false;
  }

  const json& object_;
  std::string path_;
  Error& error_;
};

constexpr std::array kModes{Mode::kOff, Mode::kObserve, Mode::kContainOnly, Mode::kFull};
constexpr std::array kActionKinds{Action::Kind::kPatch, Action::Kind::kCreate, Action::Kind::kDelete,
                                  Action::Kind::kInvoke};
constexpr std::array kJournalStates{JournalEntry::State::kPlanned, JournalEntry::State::kApplied,
                                    JournalEntry::State::kUndone, JournalEntry::State::kAbandoned};

OwnerRef read_owner(Reader in) {
  return {in.text("kind"), in.text("name"), in.text("uid")};
}

Origin read_origin(Reader in, WallTime created) {
  Origin origin;
  origin.source = in.text("source");
  if (origin.source.empty()) origin.source = "person";
  origin.rule = in.text("rule");
  origin.severity = in.word("severity", kSeverities, Severity::kWarning);
  origin.summary = in.text("summary");
  origin.detected = in.time("detectedTime").value_or(created);
  origin.received = in.time("receivedTime").value_or(created);
  origin.compromise_start = in.time("compromiseStartTime");
  origin.container = in.text("container");
  origin.note = in.text("note");
  origin.time_was_clamped = in.boolean("timeWasClamped");
  return origin;
}

Approval read_approval(Reader in, WallTime created) {
  return {in.required("step"), in.text("decision") == "approve", in.text("by"), in.text("reason"),
          in.time("time").value_or(created)};
}

ReleaseOrder read_release(Reader in, WallTime created) {
  ReleaseOrder order;
  const std::string victim = in.text("victim");
  if (victim == "leave") order.victim = ReleaseOrder::Victim::kLeave;
  if (victim == "delete") order.victim = ReleaseOrder::Victim::kDelete;
  order.by = in.text("by");
  order.reason = in.text("reason");
  order.time = in.time("time").value_or(created);
  return order;
}

IncidentSpec read_spec(Reader in, WallTime created) {
  IncidentSpec spec;
  Reader target = in.object("target");
  spec.target = {target.required("kind"), target.required("namespace"), target.required("name"),
                 target.required("uid")};
  spec.owner = read_owner(in.object("owner"));
  spec.origin = read_origin(in.object("origin"), created);
  spec.playbook = in.text("playbook");
  spec.playbook_hash = in.text("playbookHash");
  spec.mode = in.word("mode", kModes, Mode::kFull);
  spec.hold = in.boolean("hold");
  in.each("approvals", [&](const Reader& item) { spec.approvals.push_back(read_approval(item, created)); });
  if (in.has("release")) spec.release = read_release(in.object("release"), created);
  return spec;
}

Condition read_condition(Reader in) {
  Condition condition;
  condition.type = in.required("type");
  const std::string status = in.text("status");
  condition.status = status == "True"    ? ConditionStatus::kTrue
                     : status == "False" ? ConditionStatus::kFalse
                                         : ConditionStatus::kUnknown;
  condition.reason = in.text("reason");
  condition.message = in.text("message");
  condition.last_transition_time = in.time("lastTransitionTime").value_or(WallTime());
  condition.observed_generation = in.integer("observedGeneration");
  return condition;
}

IncidentTimes read_times(Reader in) {
  IncidentTimes times;
  times.compromise_start = in.time("compromiseStart");
  times.detected = in.time("detected");
  times.acknowledged = in.time("acknowledged");
  times.contained = in.time("contained");
  times.evidence_preserved = in.time("evidencePreserved");
  times.redeployed = in.time("redeployed");
  times.recovered = in.time("recovered");
  times.closed = in.time("closed");
  return times;
}

SignalTally read_tally(Reader in) {
  return {in.text("source"),
          in.text("rule"),
          in.word("severity", kSeverities, Severity::kInfo),
          std::uint64_t(in.natural("count")),
          in.time("firstTime").value_or(WallTime()),
          in.time("lastTime").value_or(WallTime())};
}

JournalEntry read_journal(Reader in) {
  JournalEntry entry;
  Action& action = entry.action;
  action.id = in.required("id");
  action.kind = in.word("kind", kActionKinds, Action::Kind::kPatch);
  action.resource = in.text("resource");
  action.name_space = in.text("namespace");
  action.name = in.text("name");
  action.uid = in.text("uid");
  action.body = in.text("body");
  action.undo = in.text("undo");
  action.description = in.text("description");
  entry.state = in.word("state", kJournalStates, JournalEntry::State::kPlanned);
  entry.note = in.text("note");
  return entry;
}

ContainmentRecord read_containment(Reader in) {
  ContainmentRecord record;
  record.time = in.time("time");
  record.labels = in.labels("labels");
  record.node = in.text("node");
  record.controller = read_owner(in.object("controller"));
  record.reassertions = std::uint32_t(in.natural("reassertions", std::numeric_limits<std::uint32_t>::max()));
  in.each("images", [&](Reader item) {
    record.images.push_back({item.text("container"), item.text("image"), item.text("imageID")});
  });
  return record;
}

TrustedImage read_image(Reader in) {
  return {in.text("container"), in.text("image"), in.text("digest"), in.texts("equivalentDigests"),
          in.text("policy"),    in.text("keyID"), in.text("origin"), in.text("asked")};
}

IncidentStatus read_status(Reader in) {
  IncidentStatus status;
  status.severity = in.word("severity", kSeverities, Severity::kInfo);
  status.playbook = in.text("playbook");
  status.playbook_hash = in.text("playbookHash");
  status.mode = in.word("mode", kModes, Mode::kObserve);
  status.awaiting = in.text("awaiting");
  status.awaiting_reason = in.text("awaitingReason");
  in.each("questions", [&](Reader item) {
    status.questions.push_back(
        {item.text("name"), item.text("step"), std::uint64_t(item.natural("decidedBefore"))});
  });
  status.acknowledged_by = in.text("acknowledgedBy");
  in.each("conditions", [&](const Reader& item) { status.conditions.push_back(read_condition(item)); });
  status.times = read_times(in.object("times"));
  in.each("signals", [&](const Reader& item) { status.signals.push_back(read_tally(item)); });
  in.each("timeline", [&](Reader item) {
    status.timeline.push_back(
        {item.time("time").value_or(WallTime()), item.text("actor"), item.text("message")});
  });
  in.each("journal", [&](const Reader& item) { status.journal.push_back(read_journal(item)); });
  if (in.has("containment")) status.containment = read_containment(in.object("containment"));
  in.each("images", [&](const Reader& item) { status.images.push_back(read_image(item)); });
  status.replacement = in.text("replacement");
  Reader evidence = in.object("evidence");
  status.evidence_location = evidence.text("location");
  status.evidence_manifest_sha256 = evidence.text("manifestSHA256");
  status.outcome = in.word("outcome", kOutcomes, Outcome::kNone);
  status.observed_generation = in.integer("observedGeneration");
  status.fencing_token = in.natural("fencingToken", kMaxFencingToken);
  return status;
}

}  // namespace

json status_to_json(const Incident& incident) {
  const IncidentStatus& status = incident.status;
  json out = {{"stage", to_string(stage_of(incident))},
              {"severity", to_string(status.severity)},
              {"mode", to_string(status.mode)},
              {"times", times_to_json(status.times)},
              {"observedGeneration", status.observed_generation},
              {"fencingToken", status.fencing_token}};
  put(out, "playbook", status.playbook);
  put(out, "playbookHash", status.playbook_hash);
  put(out, "awaiting", status.awaiting);
  put(out, "awaitingReason", status.awaiting_reason);
  for (const Question& question : status.questions) {
    out["questions"].push_back(
        {{"name", question.name}, {"step", question.step}, {"decidedBefore", question.decided_before}});
  }
  put(out, "acknowledgedBy", status.acknowledged_by);
  put(out, "replacement", status.replacement);
  put(out, "outcome", std::string(to_string(status.outcome)));
  for (const Condition& condition : status.conditions)
    out["conditions"].push_back(condition_to_json(condition));
  for (const SignalTally& tally : status.signals) {
    out["signals"].push_back({{"source", tally.source},
                              {"rule", tally.rule},
                              {"severity", to_string(tally.severity)},
                              {"count", tally.count},
                              {"firstTime", format_micros(tally.first)},
                              {"lastTime", format_micros(tally.last)}});
  }
  for (const TimelineEntry& entry : status.timeline) {
    out["timeline"].push_back(
        {{"time", format_micros(entry.time)}, {"actor", entry.actor}, {"message", entry.message}});
  }
  for (const JournalEntry& entry : status.journal) out["journal"].push_back(journal_to_json(entry));
  if (status.containment) out["containment"] = containment_to_json(*status.containment);
  for (const TrustedImage& image : status.images) out["images"].push_back(image_to_json(image));
  if (!status.evidence_location.empty()) {
    out["evidence"] = {{"location", status.evidence_location},
                       {"manifestSHA256", status.evidence_manifest_sha256}};
  }
  return out;
}

json to_json(const Incident& incident) {
  json metadata = {{"name", incident.name},
                   {"namespace", incident.name_space},
                   {"labels", {{kTargetUidLabel, incident.spec.target.uid}}},
                   {"finalizers", json::array({kLedgerFinalizer})}};
  put(metadata, "resourceVersion", incident.resource_version);
  put(metadata, "uid", incident.uid);
  if (!incident.opener.empty()) metadata["annotations"] = {{kOpenerAnnotation, incident.opener}};
  return {{"apiVersion", kApiVersion},
          {"kind", "Incident"},
          {"metadata", std::move(metadata)},
          {"spec", spec_to_json(incident.spec)},
          {"status", status_to_json(incident)}};
}

namespace {

Incident read_incident(const json& object, Error& error) {
  Incident incident;
  Reader root(object, "", error);
  Reader metadata = root.object("metadata");
  incident.name = metadata.required("name");
  incident.name_space = metadata.text("namespace");
  incident.uid = metadata.text("uid");
  incident.resource_version = metadata.text("resourceVersion");
  incident.opener = metadata.object("annotations").text(kOpenerAnnotation);
  incident.generation = metadata.integer("generation");
  incident.created = metadata.time("creationTimestamp").value_or(WallTime());
  incident.being_deleted = metadata.has("deletionTimestamp");
  const auto finalizers = metadata.texts("finalizers");
  incident.has_ledger_finalizer =
      std::find(finalizers.begin(), finalizers.end(), kLedgerFinalizer) != finalizers.end();
  // The status first: a hand-written spec must not hide what we know of the incident.
  incident.status = read_status(root.object("status"));
  incident.spec = read_spec(root.object("spec"), incident.created);
  return incident;
}

}  // namespace

Result<Incident> incident_from_json(const json& object) {
  Error error;
  Incident incident = read_incident(object, error);
  if (!error.message.empty()) return fail(std::move(error).on("incident " + incident.name));
  return incident;
}

Incident stored_incident_from_json(const json& object) {
  Error error;
  Incident incident = read_incident(object, error);
  incident.problem = error.message;
  return incident;
}

}  // namespace kintsugi
