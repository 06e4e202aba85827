// SPDX-License-Identifier: Apache-2.0
#include "model/incident.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/time.h"
#include "model/incident_json.h"
#include "model/playbook.h"

using namespace kintsugi;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

const WallTime kNow = parse_rfc3339("2026-11-21T10:00:00.123456Z").value();

Incident full_incident() {
  Incident incident;
  incident.name = "inc-0123456789abcdef0123-1";
  incident.name_space = "kintsugi-system";
  incident.uid = "u-1";
  incident.resource_version = "42";
  incident.opener = "0b8f1f3e-6a7e-4c55-9d0e-3b6a5b0f7c11";
  incident.generation = 3;
  incident.spec.target = {"Pod", "shop", "web-a", "pod-uid"};
  incident.spec.owner = {"Deployment", "web", "dep-uid"};
  incident.spec.origin = {
      "falco", "Terminal shell", Severity::kCritical, "text", kNow, kNow + 1s, kNow - 1s, "web", "not used",
      true};
  incident.spec.playbook = "shell";
  incident.spec.playbook_hash = "abc";
  incident.spec.mode = Mode::kFull;
  incident.spec.hold = true;
  incident.spec.approvals = {{"redeploy", true, "ann", "fine", kNow}};
  incident.spec.release = ReleaseOrder{ReleaseOrder::Victim::kLeave, "bob", "false alarm", kNow};
  IncidentStatus& status = incident.status;
  status.playbook = "shell";
  status.mode = Mode::kFull;
  status.times.detected = kNow;
  status.times.contained = kNow + 40ms;
  status.awaiting = "redeploy";
  tally_signal(status, "falco", "Terminal shell", Severity::kCritical, kNow);
  add_timeline(status, kNow, "controller", "Opened");
  set_condition(incident, condition::kContained, ConditionStatus::kTrue, "PolicyEvaluated", "no leak", kNow);
  status.journal = {
      {{"redeploy/pin", Action::Kind::kPatch, "deployments.apps", "shop", "web", "dep-uid",
        R"([{"op":"test","path":"/x","value":null}])", "[]", "pin"},
       JournalEntry::State::kApplied,
       "note"},
      {{"contain/pause", Action::Kind::kInvoke, "virtualmachineinstances.subresources.kubevirt.io/pause",
        "shop", "db", "vmi-uid", "{}", "{}", "pause"},
       JournalEntry::State::kPlanned,
       ""}};
  status.containment = ContainmentRecord{
      kNow + 1s, {{"app", "web"}}, "node-0", {"ReplicaSet", "web-1", "rs"}, 2, {{"web", "i", "id"}}};
  status.questions = {{"redeploy/pin", "redeploy", 1}};
  status.images = {{"web", "r/web:1", "sha256:aa", {"sha256:bb"}, "release", "k", "Running", "r/web:1"}};
  status.replacement = "web-b";
  status.evidence_location = "dir";
  status.evidence_manifest_sha256 = "ff";
  status.outcome = Outcome::kRecovered;
  status.fencing_token = 7;
  return incident;
}

}  // namespace

TEST_CASE("an incident survives the way to JSON and back") {
  const json first = to_json(full_incident());
  const auto read = incident_from_json(first);
  REQUIRE(read);
  CHECK(to_json(*read) == first);
  CHECK(first["metadata"]["annotations"]["kintsugi.dev/opener"] == "0b8f1f3e-6a7e-4c55-9d0e-3b6a5b0f7c11");
  CHECK(first["status"]["stage"] == "AwaitingApproval");
  CHECK(first["status"]["times"]["contained"] == "2026-11-21T10:00:00.163456Z");
  CHECK(read->status.journal.at(0).action.body == full_incident().status.journal.at(0).action.body);
  CHECK(read->has_ledger_finalizer);
}

TEST_CASE("an incident written by hand needs only its target") {
  const auto read = incident_from_json(
      parse_json(R"({"metadata": {"name": "mine", "creationTimestamp": "2026-11-21T10:00:00Z"},
    "spec": {"target": {"kind": "Pod", "namespace": "shop", "name": "web-a", "uid": "u"}, "playbook": "p"}})")
          .value());
  REQUIRE(read);
  CHECK(read->spec.origin.source == "person");
  CHECK(read->spec.origin.detected == parse_rfc3339("2026-11-21T10:00:00Z"));
  CHECK(read->spec.mode == Mode::kFull);
  CHECK(stage_of(*read) == Stage::kDetected);
}

TEST_CASE("a malformed incident is an error that names the field, never a crash") {
  struct Case {
    std::string pointer;
    json value;
    std::string expected;
  };
  const auto c = GENERATE(values<Case>({
      {"/metadata", 1, "metadata must be an object"},
      {"/metadata/name", 1, "metadata.name must be a string"},
      {"/spec", "x", "spec must be an object"},
      {"/spec/target", nullptr, "spec.target.kind must be given"},
      {"/spec/target/uid", "", "spec.target.uid must be given"},
      {"/spec/target/name", 5, "spec.target.name must be a string"},
      {"/spec/mode", "destroy", "spec.mode must be one of"},
      {"/spec/hold", "yes", "spec.hold must be a boolean"},
      {"/spec/origin/severity", "awful", "spec.origin.severity must be one of"},
      {"/spec/origin/detectedTime", "yesterday", "spec.origin.detectedTime must be an RFC 3339 time"},
      {"/spec/approvals", 3, "spec.approvals must be a list"},
      {"/spec/approvals/0/step", nullptr, "spec.approvals[0].step must be given"},
      {"/status/journal/0/kind", "smite", "status.journal[0].kind must be one of"},
      {"/status/journal/0", 7, "status.journal[0] must be an object"},
      {"/status/containment/labels", json::array(), "status.containment.labels must be a map"},
      {"/status/containment/labels/app", 1, "status.containment.labels.app must be a string"},
      {"/status/fencingToken", kMaxFencingToken + 1, "status.fencingToken must be from 0 to 1000000000"},
      {"/status/containment/reassertions", -1, "status.containment.reassertions must be from 0 to"},
      {"/status/signals/0/count", std::uint64_t(1) << 63U, "status.signals[0].count must be from 0 to"},
      {"/status/observedGeneration", 1.5, "status.observedGeneration must be an integer"},
  }));
  INFO(c.pointer);
  json object = to_json(full_incident());
  object[json::json_pointer(c.pointer)] = c.value;
  const auto read = incident_from_json(object);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == ErrorCode::kInvalidInput);
  CHECK_THAT(read.error().message, Catch::Contains(c.expected));
}

TEST_CASE("the stage follows from the conditions") {
  Incident incident;
  CHECK(stage_of(incident) == Stage::kDetected);
  const auto set = [&](std::string_view type, ConditionStatus status) {
    set_condition(incident, type, status, "Because", "", kNow);
  };
  set(condition::kContained, ConditionStatus::kFalse);
  CHECK(stage_of(incident) == Stage::kContaining);
  set(condition::kContained, ConditionStatus::kTrue);
  incident.status.times.contained = kNow;
  CHECK(stage_of(incident) == Stage::kCollecting);
  set(condition::kRedeployed, ConditionStatus::kFalse);
  CHECK(stage_of(incident) == Stage::kRedeploying);
  set(condition::kRedeployed, ConditionStatus::kTrue);
  CHECK(stage_of(incident) == Stage::kVerifying);
  set(condition::kRecovered, ConditionStatus::kTrue);
  CHECK(stage_of(incident) == Stage::kRecovered);
  set(condition::kHeld, ConditionStatus::kTrue);
  CHECK(stage_of(incident) == Stage::kHeld);
  set(condition::kClosed, ConditionStatus::kTrue);
  CHECK(stage_of(incident) == Stage::kClosed);
  incident.status.outcome = Outcome::kReleased;
  CHECK(stage_of(incident) == Stage::kReleased);
}

TEST_CASE("a condition's transition time moves with its status only") {
  Incident incident;
  CHECK(set_condition(incident, "Contained", ConditionStatus::kFalse, "Leak", "a", kNow));
  CHECK_FALSE(set_condition(incident, "Contained", ConditionStatus::kFalse, "Leak", "a", kNow + 1s));
  CHECK(set_condition(incident, "Contained", ConditionStatus::kFalse, "Leak", "b\n", kNow + 2s));
  CHECK(find_condition(incident.status, "Contained")->last_transition_time == kNow);
  CHECK(find_condition(incident.status, "Contained")->message == "b\\n");
  CHECK(set_condition(incident, "Contained", ConditionStatus::kTrue, "PolicyEvaluated", "", kNow + 3s));
  CHECK(find_condition(incident.status, "Contained")->last_transition_time == kNow + 3s);
}

TEST_CASE("the timeline is bounded, escaped, keeps its beginning and does not repeat itself") {
  IncidentStatus status;
  for (int i = 0; i < 500; ++i) add_timeline(status, kNow, "controller", "entry " + std::to_string(i));
  add_timeline(status, kNow, "controller", "entry 499");
  REQUIRE(status.timeline.size() == kMaxTimelineEntries);
  CHECK(status.timeline.front().message == "entry 0");
  CHECK(status.timeline.back().message == "entry 499");
  add_timeline(status, kNow, "a\x1b[2J", std::string(2000, 'x'));
  CHECK(status.timeline.back().actor == "a\\x1b[2J");
  CHECK(status.timeline.back().message.size() <= kMaxTimelineMessageBytes);
}

TEST_CASE("repeats are counted and the severity only rises") {
  IncidentStatus status;
  CHECK(tally_signal(status, "falco", "a", Severity::kWarning, kNow));
  CHECK_FALSE(tally_signal(status, "falco", "a", Severity::kInfo, kNow + 1s));
  CHECK(tally_signal(status, "falco", "b", Severity::kCritical, kNow));
  CHECK(status.severity == Severity::kCritical);
  CHECK(status.signals[0].count == 2);
  CHECK(status.signals[0].last == kNow + 1s);
  for (int i = 0; i < 100; ++i)
    tally_signal(status, "falco", "rule " + std::to_string(i), Severity::kInfo, kNow);
  REQUIRE(status.signals.size() == kMaxSignalTallies + 1);
  CHECK(status.signals.back().rule == kFurtherRules);
  CHECK(status.signals.back().count == 100 - (kMaxSignalTallies - 2));
}

TEST_CASE("a signal is only counted where it says nothing new") {
  Incident incident;
  incident.spec.origin.source = "falco";
  incident.spec.origin.rule = "a";
  incident.spec.origin.severity = Severity::kWarning;
  CHECK(is_only_counted(incident, "falco", "a", Severity::kWarning));
  CHECK_FALSE(is_only_counted(incident, "falco", "a", Severity::kError));
  CHECK_FALSE(is_only_counted(incident, "falco", "b", Severity::kInfo));
  for (std::size_t i = 0; i <= kMaxSignalTallies; ++i) {
    const std::string rule = "rule " + std::to_string(i);
    CHECK_FALSE(is_only_counted(incident, "falco", rule, Severity::kInfo));
    tally_signal(incident.status, "falco", rule, Severity::kWarning, kNow);
    CHECK(is_only_counted(incident, "falco", rule, Severity::kWarning));
    CHECK_FALSE(is_only_counted(incident, "falco", rule, Severity::kError));
  }
  CHECK(is_only_counted(incident, "falco", "one more", Severity::kInfo));
}

TEST_CASE("a decision answers only what was asked before it, and the newest counts") {
  Incident incident;
  const auto decide = [&](const std::string& step, bool approved) {
    incident.spec.approvals.push_back({step, approved, "ann", "", kNow});
  };
  decide("contain", true);
  CHECK(find_answer(incident, "contain/caps") == nullptr);  // not asked
  ask(incident, "contain/caps", "contain");
  CHECK(find_answer(incident, "contain/caps") == nullptr);
  decide("redeploy", true);
  CHECK(find_answer(incident, "contain/caps") == nullptr);
  decide("contain", true);
  REQUIRE(find_answer(incident, "contain/caps") != nullptr);
  ask(incident, "contain/leak", "contain");
  CHECK(find_answer(incident, "contain/leak") == nullptr);
  ask(incident, "contain/caps", "contain");  // it is asked already
  CHECK(find_answer(incident, "contain/caps")->approved);
  decide("contain", false);
  CHECK_FALSE(find_answer(incident, "contain/leak")->approved);
  decide("contain", true);
  CHECK(find_answer(incident, "contain/leak")->approved);
  forget_question(incident.status, "contain/leak");
  CHECK(find_answer(incident, "contain/leak") == nullptr);
  ask(incident, "contain/leak", "contain");
  CHECK(find_answer(incident, "contain/leak") == nullptr);
}

TEST_CASE("an incident's name depends on the target's UID and generation alone") {
  const TargetRef a{"Pod", "shop", "web-a", "11111111-2222-3333-4444-555555555555"};
  TargetRef renamed = a;
  renamed.name = "other";
  CHECK(incident_name(a, 1) == incident_name(renamed, 1));
  CHECK(incident_name(a, 1) != incident_name(a, 2));
  CHECK(incident_name(a, 4'000'000'000u).size() <= 63);
}

TEST_CASE("percentages round up and never below one") {
  CHECK(IntOrPercent{30, true}.of(3) == 1);
  CHECK(IntOrPercent{30, true}.of(10) == 3);
  CHECK(IntOrPercent{30, true}.of(11) == 4);
  CHECK(IntOrPercent{1, true}.of(0) == 1);
  CHECK(IntOrPercent{0, false}.of(10) == 0);
}
