// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/escape.h"
#include "base/json_text.h"
#include "cli/describe_view.h"
#include "cli/incident_facts.h"
#include "cli/list_view.h"
#include "cli/test_world.h"
#include "cli/timeline_view.h"

namespace kintsugi::cli {
namespace {

using namespace std::chrono_literals;

/// What an attacker may write where text is free: a terminal's title, a cleared screen, a forged line, a
/// turned one.
const std::string kHostile =
    "x\x1b]0;pwned\x07\x1b[2J\r\nNAME|`<b>\xc2\x9b"
    "31m\xe2\x80\xae\xff";

Incident hostile_incident() {
  Incident incident = waiting_incident();
  incident.name = kHostile;
  incident.name_space = kHostile;
  incident.problem = kHostile;
  incident.spec.target = {kHostile, kHostile, kHostile, kHostile};
  incident.spec.owner = {kHostile, kHostile, kHostile};
  incident.spec.origin.source = incident.spec.origin.rule = incident.spec.origin.summary = kHostile;
  incident.spec.origin.container = kHostile;
  incident.spec.playbook = kHostile;
  incident.spec.approvals = {{kHostile, true, kHostile, kHostile, kTestNow}};
  incident.spec.release = ReleaseOrder{ReleaseOrder::Victim::kLeave, kHostile, kHostile, kTestNow};
  IncidentStatus& status = incident.status;
  status.playbook = status.awaiting = status.awaiting_reason = status.replacement = kHostile;
  status.evidence_location = status.evidence_manifest_sha256 = kHostile;
  status.conditions = {{kHostile, ConditionStatus::kFalse, kHostile, kHostile, kTestNow, 1}};
  status.signals = {{kHostile, kHostile, Severity::kError, 3, kTestNow, kTestNow}};
  status.timeline = {{kTestNow, kHostile, kHostile}};
  status.images = {{kHostile, kHostile, kHostile, {kHostile}, kHostile, kHostile, kHostile, kHostile}};
  status.containment = ContainmentRecord{{}, {}, kHostile, {}, 0, {{kHostile, kHostile, kHostile}}};
  JournalEntry entry;
  entry.action = {kHostile, Action::Kind::kPatch, kHostile, kHostile, kHostile, kHostile, kHostile, kHostile,
                  kHostile};
  entry.note = kHostile;
  status.journal = {entry, entry};
  status.journal[1].action.body =
      json_text(nlohmann::json::array({{{"op", "test"}, {"value", "\x1b[2J\xe2\x80\xae"}}}));
  return incident;
}

void check_safe(const std::string& text) {
  INFO(text);
  CHECK(is_utf8(text));
  CHECK(text.find("\xc2\x9b") == std::string::npos);
  CHECK(text.find("\xe2\x80\xae") == std::string::npos);
  CHECK(text.find("\nNAME|") == std::string::npos);
  for (const char c : text) CHECK((c == '\n' || std::uint8_t(c) >= ' '));
}

TEST_CASE("no view lets text of an attacker reach the terminal") {
  Incident incident = hostile_incident();
  for (const bool is_over : {false, true}) {
    if (is_over) incident.status.outcome = Outcome::kObserved;
    check_safe(describe(incident, kTestNow, {"kintsugi", false}));
    check_safe(ListView({.wide = true, .namespaces = true}).show_news({incident}, kTestNow));
    check_safe(timeline_as_table(incident, true, false));
    check_safe(timeline_as_markdown(incident));
  }
}

TEST_CASE("a hostile message stays one cell of a Markdown table") {
  Incident incident = waiting_incident();
  incident.status.timeline = {{kTestNow, "controller", "a | b <script> `x` **y** [l](h)"}};
  const std::string text = timeline_as_markdown(incident);
  CHECK(text.find("a \\| b \\<script\\> \\`x\\` \\*\\*y\\*\\* \\[l\\](h)") != std::string::npos);
}

TEST_CASE("the list shows what is urgent first, in columns as kubectl has them") {
  Incident closed = waiting_incident();
  closed.name = "inc-c-1";
  closed.status.awaiting.clear();
  closed.status.times.recovered = closed.created + 34s;
  closed.status.outcome = Outcome::kRecovered;
  set_condition(closed, condition::kClosed, ConditionStatus::kTrue, "Quiet", "", kTestNow);
  Incident minor = waiting_incident();
  minor.name = "inc-b-1";
  minor.spec.target.name = "api-2";
  minor.spec.origin.severity = minor.status.severity = Severity::kWarning;
  minor.spec.hold = true;
  set_condition(minor, condition::kHeld, ConditionStatus::kTrue, "HeldByPerson", "", kTestNow);
  Incident urgent = waiting_incident();
  urgent.name = "inc-a-1";

  const std::vector<Incident> incidents{closed, minor, urgent};
  CHECK(ListView({}).show_news(incidents, kTestNow) ==
        "NAME      SEVERITY   STAGE              TARGET       AGE\n"
        "inc-a-1   critical   AwaitingApproval   shop/web-1   10m\n"
        "inc-b-1   warning    Held               shop/api-2   10m\n"
        "inc-c-1   critical   Closed             shop/web-1   10m\n");
  CHECK(ListView({.wide = true}).show_news({urgent}, kTestNow) ==
        "NAME      SEVERITY   STAGE              TARGET       AGE   WAITING    PLAYBOOK             "
        "CONTAINED   "
        "RECOVERED\n"
        "inc-a-1   critical   AwaitingApproval   shop/web-1   10m   redeploy   shell-in-container   850ms    "
        "   "
        "<none>\n");
  CHECK(
      ListView({.wide = true, .titles = false}).show_news({closed}, kTestNow) ==
      "inc-c-1   critical   Closed   shop/web-1   10m   <none>    shell-in-container   850ms       34.0s\n");
  const std::string coloured = ListView({.colour = true}).show_news(incidents, kTestNow);
  CHECK(coloured.find("\x1b[31mcritical\x1b[0m") != std::string::npos);
}

TEST_CASE("the list fits into 80 columns for a name as Kintsugi makes it and a short target") {
  const std::string text = ListView({}).show_news({waiting_incident()}, kTestNow);
  INFO(text);
  CHECK(text.find('\n') <= 80);
  CHECK(text.size() <= std::size_t(2 * 81));
}

TEST_CASE("an incident that is over and still waits for a person shows it") {
  Incident incident = waiting_incident();
  incident.name = "inc-a-1";
  incident.status.awaiting = "release";
  incident.status.outcome = Outcome::kRecovered;
  set_condition(incident, condition::kClosed, ConditionStatus::kTrue, "Quiet", "", kTestNow);
  CHECK(ListView({.titles = false}).show_news({incident}, kTestNow) ==
        "inc-a-1   critical   Closed,AwaitingApproval   shop/web-1   10m\n");
}

TEST_CASE("incidents of the same name in two namespaces are two") {
  Incident one = waiting_incident();
  one.name = "inc-a-1";
  Incident two = one;
  two.name_space = "other";
  ListView view({.namespaces = true});
  CHECK(view.show_news({two, one}, kTestNow) ==
        "NAMESPACE         NAME      SEVERITY   STAGE              TARGET       AGE\n"
        "kintsugi-system   inc-a-1   critical   AwaitingApproval   shop/web-1   10m\n"
        "other             inc-a-1   critical   AwaitingApproval   shop/web-1   10m\n");
  two.resource_version = "8";
  CHECK(view.show_news({two, one}, kTestNow).find("other ") == 0);
}

TEST_CASE("a view that is shown again has the changes only") {
  ListView view({});
  Incident incident = waiting_incident();
  CHECK(view.show_news({incident}, kTestNow).find("NAME") == 0);
  CHECK(view.show_news({incident}, kTestNow).empty());
  incident.resource_version = "8";
  CHECK(view.show_news({incident}, kTestNow).find("inc-") == 0);
  CHECK(ListView({}).show_news({}, kTestNow).empty());
}

TEST_CASE("a description has what happened, what was decided and what comes next") {
  Incident incident = waiting_incident();
  incident.spec.approvals = {{"contain", true, "bob", "go", kTestNow - 60s}};
  incident.status.images = {{"app", "r/app:1", "sha256:abc", {}, "release-images", "k", "LastKnownGood", ""}};
  incident.status.evidence_location = "/evidence/inc";
  incident.status.evidence_manifest_sha256 = "0123";
  incident.status.timeline = {{kTestNow, "controller", "Isolated"}};
  set_condition(incident, condition::kContained, ConditionStatus::kTrue, "PolicyEvaluated", "nothing leaks",
                kTestNow - 30s);
  tally_signal(incident.status, "falco", "Reverse shell", Severity::kCritical, kTestNow - 5s);
  const std::string text = describe(incident, kTestNow, {"kintsugi --context c", false});
  INFO(text);
  for (const char* part :
       {"Target:      pod shop/web-1 (UID uid-1)\n", "Owner:       Deployment web\n",
        "Opened by:   falco: Reverse shell\n", "Playbook:    shell-in-container (mode full)\n",
        "Waiting:     redeploy: pinning deployment shop/web restarts all of its 3 pods\n",
        "contained   2026-01-01T00:00:00.850000Z   850ms\n",
        "Contained   True     PolicyEvaluated   30s   nothing leaks\n",
        "app         sha256:abc   release-images   LastKnownGood\n", "/evidence/inc\n",
        "approve contain   bob", "Isolated\n", "  kintsugi --context c approve inc-"}) {
    CHECK(text.find(part) != std::string::npos);
  }
  CHECK(text.find("\x1b") == std::string::npos);
  CHECK(describe(incident, kTestNow, {"kintsugi", true}).find("\x1b[31mcritical\x1b[0m") !=
        std::string::npos);
}

TEST_CASE("in mode observe the exact patch that was planned is shown") {
  Incident incident = waiting_incident();
  incident.status.mode = Mode::kObserve;
  incident.status.outcome = Outcome::kObserved;
  JournalEntry entry;
  entry.action = {
      "contain/patch-victim",
      Action::Kind::kPatch,
      "pods",
      "shop",
      "web-1",
      "uid-1",
      R"([{"op":"test","path":"/metadata/uid","value":"uid-1"},{"op":"remove","path":"/metadata/labels/app"}])",
      "",
      "isolate pod shop/web-1"};
  incident.status.journal = {entry};
  const std::string text = describe(incident, kTestNow, {"kintsugi", false});
  INFO(text);
  CHECK(text.find("Actions (mode observe: planned only, nothing was changed):\n"
                  "  [planned] contain/patch-victim: isolate pod shop/web-1\n"
                  "    patch pods shop/web-1\n"
                  "      {\"op\":\"test\",\"path\":\"/metadata/uid\",\"value\":\"uid-1\"}\n"
                  "      {\"op\":\"remove\",\"path\":\"/metadata/labels/app\"}\n") != std::string::npos);
}

TEST_CASE("the next command follows from where the incident stands") {
  struct Case {
    const char* name;
    std::function<void(Incident&)> make;
    const char* command;
  };
  const Case cases[] = {
      {"waits", [](Incident&) {}, "k approve NAME --step redeploy --reason '…'"},
      {"waits with the release", [](Incident& i) { i.status.awaiting = "release"; },
       "k release NAME --victim leave --reason '…'"},
      {"waits for nonsense", [](Incident& i) { i.status.awaiting = "x; rm -rf /"; },
       "k release NAME --victim restore --reason '…'"},
      {"held", [](Incident& i) { i.spec.hold = true; }, "k resume NAME"},
      {"at work", [](Incident& i) { i.status.awaiting.clear(); }, "k timeline NAME"},
      {"being released", [](Incident& i) { i.spec.release = ReleaseOrder(); }, "k timeline NAME"},
      {"the release asks",
       [](Incident& i) { i.spec.release = ReleaseOrder(), i.status.awaiting = "release"; },
       "k release NAME --victim leave --reason '…'"},
      {"observed", [](Incident& i) { i.status.outcome = Outcome::kObserved; },
       "k open shop/web-1 --playbook NAME --reason '…'"},
      {"failed", [](Incident& i) { i.status.outcome = Outcome::kFailed; },
       "k open shop/web-1 --playbook NAME --reason '…'"},
      {"is over, and waits with the deletion",
       [](Incident& i) { i.status.awaiting = "release", i.status.outcome = Outcome::kRecovered; },
       "k approve NAME --step release --reason '…'"},
      {"recovered", [](Incident& i) { i.status.outcome = Outcome::kRecovered; },
       "k timeline NAME -o markdown"},
  };
  for (const Case& one : cases) {
    INFO(one.name);
    Incident incident = waiting_incident();
    incident.name = "NAME";
    one.make(incident);
    const auto steps = next_steps(incident, "k");
    REQUIRE(!steps.empty());
    CHECK(steps.front().command == one.command);
  }
}

TEST_CASE("the timeline counts from the detection and ends with the phases") {
  Incident incident = waiting_incident();
  incident.status.timeline = {{incident.created - 2s, "controller", "Early"},
                              {incident.created + 850ms, "alice", "Isolated"}};
  CHECK(timeline_as_table(incident, true, false) ==
        "TIME                          SINCE    ACTOR        MESSAGE\n"
        "2025-12-31T23:59:58.000000Z   -2.0s    controller   Early\n"
        "2026-01-01T00:00:00.850000Z   +850ms   alice        Isolated\n"
        "\n"
        "time to contain   850ms\n");
  const auto document = parse_json(timeline_as_json(incident)).value();
  CHECK(document["entries"][1]["sinceDetectedSeconds"] == 0.85);
  CHECK(document["phases"][0]["phase"] == "time to contain");
  CHECK(timeline_as_markdown(incident).find("| time to contain | 850ms |") != std::string::npos);
}

}  // namespace
}  // namespace kintsugi::cli
