// SPDX-License-Identifier: Apache-2.0
#include "playbooks/loader.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "base/testing/scratch_directory.h"

using namespace kintsugi;
using namespace kintsugi::playbooks;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kHead =
    "apiVersion: kintsugi.dev/v1alpha1\nkind: Playbook\nmetadata: {name: p}\nspec:\n";
constexpr std::string_view kSignals = "  signals: [{source: falco}]\n";

/// A playbook whose spec has signals and the given lines.
std::string with_spec(std::string_view lines) {
  return std::string(kHead).append(kSignals).append(lines);
}

std::string with_steps(std::string_view mode, std::string_view steps) {
  return with_spec("  mode: " + std::string(mode) + "\n  steps: " + std::string(steps) + "\n");
}

Playbook good(const std::string& text) {
  const PlaybookSet set = load_playbooks(text, "a.yaml");
  INFO(text);
  for (const Problem& problem : set.problems) UNSCOPED_INFO(problem.to_string());
  REQUIRE(set.problems.empty());
  REQUIRE(set.playbooks.size() == 1);
  return set.playbooks[0];
}

std::string joined(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) text += problem.to_string() + "\n";
  return text;
}

}  // namespace

TEST_CASE("Playbooks: the documented example is read whole") {
  const Playbook playbook = good(R"(apiVersion: kintsugi.dev/v1alpha1
kind: Playbook
metadata: {name: shell-in-container}
spec:
  signals:
    - source: falco
      rules: ["Redirect STDOUT/STDIN to Network Connection in Container", "Reverse shell*"]
      tags: [shell]
      minSeverity: warning
  mode: full
  targets: {namespaceSelector: {matchLabels: {kintsugi.dev/protected: "true"}}, podSelector: {matchLabels: {a: b}}}
  guards: {maxTargetsPerWorkload: 1, maxTargetsPerMinute: 10, maxUnavailable: 30%}
  steps:
    - contain: {forensics: incident-tools, pause: false}
    - collect: {logs: true, processes: false, memory: false, guestFacts: false, memoryDumpClaim: dumps,
                deadlineSeconds: 5}
    - redeploy: {trustPolicy: release-images, harden: [readOnlyRootFilesystem, dropCapabilities], recreate: true,
                 suspectImage: true, requireApproval: true}
    - verify: {readySeconds: 120, quietSeconds: 0}
    - release: {victim: delete, afterSeconds: 86400}
)");
  CHECK(playbook.name == "shell-in-container");
  REQUIRE(playbook.signals.size() == 1);
  CHECK(playbook.signals[0].rules.size() == 2);
  CHECK(playbook.signals[0].tags == std::vector<std::string>{"shell"});
  CHECK(playbook.signals[0].min_severity == Severity::kWarning);
  CHECK(playbook.mode == Mode::kFull);
  CHECK(playbook.namespace_selector.to_string() == "kintsugi.dev/protected=true");
  CHECK(playbook.pod_selector.to_string() == "a=b");
  CHECK(playbook.guards.max_targets_per_workload == 1u);
  CHECK(playbook.guards.max_targets_per_minute == 10u);
  CHECK(playbook.guards.max_unavailable == IntOrPercent{30, true});
  REQUIRE(playbook.steps.size() == 5);
  CHECK(playbook.step<ContainStep>()->forensics == "incident-tools");
  CHECK(playbook.step<ContainStep>()->pause == false);
  CHECK_FALSE(playbook.step<CollectStep>()->processes);
  CHECK(playbook.step<CollectStep>()->memory_dump_claim == "dumps");
  CHECK(playbook.step<CollectStep>()->sockets);
  CHECK_FALSE(playbook.step<CollectStep>()->memory);
  CHECK_FALSE(playbook.step<CollectStep>()->guest_facts);
  CHECK(playbook.step<CollectStep>()->disks);
  CHECK(playbook.step<CollectStep>()->screenshot);
  CHECK(playbook.step<CollectStep>()->deadline == 5s);
  CHECK(playbook.step<RedeployStep>()->trust_policy == "release-images");
  CHECK(playbook.step<RedeployStep>()->harden.size() == 2);
  CHECK(playbook.step<RedeployStep>()->recreate);
  CHECK(playbook.step<RedeployStep>()->suspect_image);
  CHECK(playbook.requires_approval("redeploy"));
  CHECK_FALSE(playbook.requires_approval("contain"));
  CHECK(playbook.step<VerifyStep>()->quiet == 0s);
  CHECK(playbook.step<ReleaseStep>()->victim == ReleaseStep::Victim::kDelete);
  CHECK(playbook.hash.size() == 64);
}

TEST_CASE("Playbooks: what is left out has its default") {
  const Playbook playbook = good(with_spec(""));
  CHECK(playbook.mode == Mode::kObserve);
  CHECK(playbook.namespace_selector.empty());
  CHECK_FALSE(playbook.guards.max_targets_per_workload);
  CHECK(playbook.steps.empty());
  CHECK(good(with_steps("full", "[contain: , collect: ~, redeploy: {}, verify: {}, release: {}]"))
            .steps.size() == 5);
  CHECK(good(with_steps("contain-only", "[contain: {}, redeploy: {}, verify: {}]")).steps.size() == 3);
  const Playbook collects = good(with_steps("full", "[collect: {}]"));
  REQUIRE(collects.steps.size() == 1);
  CHECK_FALSE(collects.step<CollectStep>()->deadline);
  CHECK(collects.step<CollectStep>()->disks);
  CHECK(collects.step<CollectStep>()->memory_dump_claim.empty());
  const std::string machine = "noHostDevices, noGuestAgent, noHostChannels, noSerialConsole, ";
  CHECK(good(with_steps("full", "[contain: {}, redeploy: {harden: [" + machine +
                                    "graphicsOnLoopback, noQemuCommandLine]}]"))
            .step<RedeployStep>()
            ->harden.size() == 6);
  CHECK_FALSE(good(with_steps("full", "[contain: {}]")).step<ContainStep>()->pause.has_value());
  CHECK(good(with_spec("  guards: {maxUnavailable: 2}\n")).guards.max_unavailable == IntOrPercent{2, false});
}

TEST_CASE("Playbooks: each mistake is named with its place and a suggestion") {
  struct Case {
    std::string text, expected;
  };
  const auto c = GENERATE(values<Case>({
      {"[]", "a.yaml:1:1: expected an object, found a list"},
      {"a: 1", "unknown key 'a'"},
      {std::string(kHead), "a.yaml:1:1: 'spec' is required"},
      {"apiVersion: kintsugi.dev/v1\nkind: Playbook\nmetadata: {name: p}\nspec: {signals: [{source: falco}]}",
       "a.yaml:1:13: apiVersion: expected kintsugi.dev/v1alpha1, found 'kintsugi.dev/v1'"},
      {"apiVersion: kintsugi.dev/v1alpha1\nkind: Playbok\nmetadata: {name: p}\nspec: {signals: [{source: "
       "falco}]}",
       "a.yaml:2:7: kind: expected Playbook, found 'Playbok'"},
      {"kind: Playbook\nmetadata: {name: p}\nspec: {signals: [{source: falco}]}", "'apiVersion' is required"},
      {"apiVersion: kintsugi.dev/v1alpha1\nkind: Playbook\nspec: {signals: [{source: falco}]}",
       "'metadata' is required"},
      {"apiVersion: kintsugi.dev/v1alpha1\nkind: Playbook\nmetadata: {}\nspec: {signals: [{source: falco}]}",
       "metadata: 'name' is required"},
      {"apiVersion: kintsugi.dev/v1alpha1\nkind: Playbook\nmetadata: {name: A_b}\nspec: {signals: [{source: "
       "falco}]}",
       "a.yaml:3:18: metadata.name: 'A_b' is no Kubernetes name"},
      {std::string(kHead) + "  mode: observe\n", "spec: 'signals' is required"},
      {std::string(kHead) + "  signals: []\n", "spec.signals: an empty list"},
      {std::string(kHead) + "  signals: {}\n", "spec.signals: expected a list, found an object"},
      {std::string(kHead) + "  signals: [{}]\n", "spec.signals[0]: 'source' is required"},
      {std::string(kHead) + "  signals: [falco]\n",
       "spec.signals[0]: expected an object, found string 'falco'"},
      {std::string(kHead) + "  signals: [{source: flaco}]\n",
       "a.yaml:5:22: spec.signals[0].source: unknown source 'flaco'; known: falco, generic, alertmanager; "
       "did you mean 'falco'?"},
      {std::string(kHead) + "  signals: [{source: alertmanger}]\n",
       "unknown source 'alertmanger'; known: falco, generic, alertmanager; did you mean 'alertmanager'?"},
      {std::string(kHead) + "  signals: [{source: Generic}]\n", "did you mean 'generic'?"},
      {std::string(kHead) + "  signals: [{source: person}]\n", "unknown source 'person'"},
      {std::string(kHead) + "  signals: [{source: falco, rule: x}]\n",
       "unknown key 'rule'; did you mean 'rules'?"},
      {std::string(kHead) + "  signals: [{source: falco, rules: x}]\n",
       "rules: expected a list, found string 'x'"},
      {std::string(kHead) + "  signals: [{source: falco, rules: ['']}]\n", "rules: entry 0 is empty"},
      {std::string(kHead) + "  signals: [{source: falco, rules: [\"a\\nb\"]}]\n",
       "control character in 'a\\nb'"},
      {std::string(kHead) + "  signals: [{source: falco, rules: [" + std::string(257, 'a') + "]}]\n",
       "rules[0]: 257 bytes, at most 256 are allowed"},
      {std::string(kHead) + "  signals: [{source: falco, tags: [5]}]\n",
       "tags[0]: expected a string, found number 5"},
      {std::string(kHead) + "  signals: [{source: falco, minSeverity: high}]\n",
       "expected one of info, warning, error, critical; found 'high'"},
      {with_spec("  mode: auto\n"), "spec.mode: expected one of observe, contain-only, full; found 'auto'"},
      {with_spec("  mode: off\n"), "found 'off'"},
      {with_spec("  mode: ful\n"), "did you mean 'full'?"},
      {with_spec("  moed: full\n"), "a.yaml:6:3: spec: unknown key 'moed'; did you mean 'mode'?"},
      {with_spec("  targets: {namespaceSelector: {matchLabels: {a: true}}}\n"),
       "spec.targets.namespaceSelector.matchLabels.a: expected a string, found true; put it in quotes"},
      {with_spec("  targets: {selector: {}}\n"), "spec.targets: unknown key 'selector'"},
      {with_spec("  guards: {maxTargetsPerWorkload: 0}\n"),
       "maxTargetsPerWorkload: expected an integer from 1"},
      {with_spec("  guards: {maxTargetsPerWorkload: -1}\n"), "found -1"},
      {with_spec("  guards: {maxTargetsPerMinute: 99999999999999999999}\n"), "found 99999999999999999999"},
      {with_spec("  guards: {maxTargetsPerMinute: 1.5}\n"), "found 1.5"},
      {with_spec("  guards: {maxUnavailable: 0}\n"), "maxUnavailable: expected an integer from 1"},
      {with_spec("  guards: {maxUnavailable: 0%}\n"),
       "maxUnavailable: expected an integer from 1, or a percentage"},
      {with_spec("  guards: {maxUnavailable: 101%}\n"), "from 1% to 100%"},
      {with_spec("  guards: {maxUnavailable: -5%}\n"), "from 1% to 100%"},
      {with_spec("  guards: {maxUnavailable: '30'}\n"), "from 1% to 100%"},
      {with_spec("  guards: {maxUnavailable: [1]}\n"), "from 1% to 100%"},
      {with_spec("  guards: {maxTargets: 1}\n"), "unknown key 'maxTargets'"},
      {with_spec("  mode: full\n"), "spec: 'steps' is required"},
      {with_steps("full", "[]"), "spec.steps: an empty list"},
      {with_steps("observe", "contain"), "spec.steps: expected a list, found string 'contain'"},
      {with_steps("full", "[contain]"),
       "a.yaml:7:11: spec.steps[0]: expected an object, found a string; write 'contain: {}'"},
      {with_steps("full", "[{}]"),
       "spec.steps[0]: expected one of contain, collect, redeploy, verify, release"},
      {with_steps("full", "[contian: {}]"),
       "a.yaml:7:11: spec.steps[0]: unknown key 'contian'; did you mean 'contain'?"},
      {with_steps("full", "[{contain: {}, collect: {}}]"), "contain and collect in one step"},
      {with_steps("full", "[contain: {forensic: x}]"),
       "spec.steps[0].contain: unknown key 'forensic'; did you mean 'forensics'?"},
      {with_steps("full", "[contain: {forensics: A/b}]"), "contain.forensics: 'A/b' is no Kubernetes name"},
      {with_steps("full", "[contain: {unverifiedReplacement: block}]"),
       "unverifiedReplacement: not supported yet"},
      {with_steps("full", "[contain: {}, redeploy: {unverifiedReplacement: block}]"), "not supported yet"},
      {with_steps("full", "[contain: [a]]"), "spec.steps[0].contain: expected an object, found a list"},
      {with_steps("full", "[collect: {logs: yes}]"),
       "collect.logs: expected true or false, found string 'yes'"},
      {with_steps("full", "[collect: {memory: some}]"), "memory"},
      {with_steps("full", "[collect: {guestfacts: true}]"), "unknown key 'guestfacts'"},
      {with_steps("full", "[collect: {deadlineSeconds: 3601}]"), "from 1 to 3600, found 3601"},
      {with_steps("full", "[collect: {memoryDumpClaim: A/b}]"),
       "memoryDumpClaim: 'A/b' is no Kubernetes name"},
      {with_steps("full", "[collect: {deadlineSeconds: 0}]"),
       "deadlineSeconds: expected an integer from 1 to 3600"},
      {with_steps("full", "[collect: {deadlineSeconds: 1e9}]"), "from 1 to 3600, found 1e9"},
      {with_steps("full", "[contain: {}, redeploy: {harden: [dropCapabilites]}]"),
       "did you mean 'dropCapabilities'?"},
      {with_steps("full", "[contain: {}, redeploy: {harden: [noGuestAgnt]}]"),
       "did you mean 'noGuestAgent'?"},
      {with_steps("full", "[contain: {}, redeploy: {harden: [noGuestAgent, noGuestAgent]}]"),
       "noGuestAgent stands there twice"},
      {with_steps("full", "[contain: {}, redeploy: {harden: [runAsNonRoot, runAsNonRoot]}]"),
       "runAsNonRoot stands there twice"},
      {with_steps("full", "[contain: {}, redeploy: {trustPolicy: 'a b'}]"), "'a b' is no Kubernetes name"},
      {with_steps("full", "[contain: {}, redeploy: {}, verify: {readySeconds: 0}]"),
       "from 1 to 86400, found 0"},
      {with_steps("full", "[contain: {}, redeploy: {}, verify: {quietSeconds: -1}]"),
       "from 0 to 86400, found -1"},
      {with_steps("full", "[contain: {}, release: {victim: destroy}]"), "expected one of leave, delete"},
      {with_steps("full", "[contain: {}, release: {afterSeconds: 99999999999}]"), "from 0 to 31536000"},
      {with_steps("full", "[redeploy: {}]"), "spec.steps[0]: redeploy without a step contain before it"},
      {with_steps("full", "[contain: {}, verify: {}]"), "verify without a step redeploy before it"},
      {with_steps("full", "[release: {}]"), "release without a step contain before it"},
      {with_steps("contain-only", "[collect: {}]"), "mode contain-only without a step contain; add"},
      {with_steps("full", "[contain: {}, contain: {}]"),
       "spec.steps[1]: contain stands there twice, first as spec.steps[0]"},
      {with_steps("full", "[collect: {}, contain: {}]"), "contain cannot come after collect; the order is"},
      {with_steps("full", "[contain: {}, redeploy: {}, release: {}, verify: {}]"),
       "verify cannot come after release"},
      {with_steps("full", "[contain: {}, release: {}, collect: {}]"), "collect cannot come after release"},
      {with_steps("full", "[contain: {}, redeploy: {}, collect: {}]"), "collect cannot come after redeploy"},
      {with_spec("\tmode: full\n"), "a.yaml: line 6, column 1: tab in the indentation"},
      {with_spec("  signals: []\n"), "line 6, column 3: repeated key \"signals\""},
      {with_spec("  mode: [full\n"), "a.yaml: line "},
  }));
  const PlaybookSet set = load_playbooks(c.text, "a.yaml");
  INFO(c.text);
  CHECK(set.playbooks.empty());
  CHECK_THAT(joined(set.problems), Catch::Contains(c.expected));
}

TEST_CASE("Playbooks: all problems of a document are reported at once") {
  const PlaybookSet set = load_playbooks(
      with_spec("  mode: auto\n  guards: {maxUnavailable: 0%}\n  steps: [contain: {x: 1}, verfy: {}]\n"),
      "a.yaml");
  CHECK(set.problems.size() == 4);
}

TEST_CASE("Playbooks: the documents of a file stand for themselves") {
  const std::string other =
      "apiVersion: kintsugi.dev/v1alpha1\nkind: TrustPolicy\nmetadata: {name: t}\nspec: {}\n";
  const std::string wrong =
      "apiVersion: kintsugi.dev/v1alpha1\nkind: Playbook\nmetadata: {name: w}\nspec: {}\n";
  std::string second = with_spec("");
  second.replace(second.find("name: p"), 7, "name: q");
  const PlaybookSet set = load_playbooks(
      with_spec("") + "---\n" + other + "---\n" + wrong + "---\n" + second + "---\n" + with_spec(""),
      "a.yaml");
  REQUIRE(set.playbooks.size() == 2);
  CHECK(set.playbooks[1].name == "q");
  REQUIRE(set.problems.size() == 2);
  CHECK(set.problems[0].to_string() == "a.yaml:15:7: spec: 'signals' is required");
  CHECK_THAT(set.problems[1].to_string(), Catch::Contains("a playbook 'p' was read before"));
}

TEST_CASE("Playbooks: one from the API is read like one from a file, and has the same hash") {
  const nlohmann::json object = {{"apiVersion", "kintsugi.dev/v1alpha1"},
                                 {"kind", "Playbook"},
                                 {"metadata",
                                  {{"name", "p"},
                                   {"namespace", "kintsugi-system"},
                                   {"uid", "u"},
                                   {"managedFields", nlohmann::json::array()}}},
                                 {"spec", {{"signals", {{{"source", "falco"}}}}}},
                                 {"status", {{"observedGeneration", 1}}}};
  ProblemList problems("playbook p", ProblemList::Positions::kUnknown);
  const auto playbook = read_playbook(from_json(object), problems);
  REQUIRE(playbook);
  CHECK(playbook->hash == good(with_spec("")).hash);
  CHECK(playbook->hash != good(with_spec("  mode: observe\n")).hash);
  CHECK_FALSE(read_playbook(from_json({{"spec", 5}}), problems));
  CHECK_THAT(joined(problems.all()), Catch::Contains("playbook p: spec: expected an object, found number 5"));
}

TEST_CASE("Playbooks: a bad file of a directory loses nothing else") {
  const ScratchDirectory directory;
  directory.write("a.yaml", with_spec(""));
  directory.write("b.yml", "\tbroken");
  directory.write("c.yaml", with_spec("  mode: x\n"));
  directory.write("d.yaml", with_spec(""));
  directory.write("e.yaml", std::string(2u << 20, '#'));
  directory.write("f.yaml", "");
  directory.write("g.txt", "not looked at");
  const auto set = load_directory(directory.path());
  REQUIRE(set);
  REQUIRE(set->playbooks.size() == 1);
  REQUIRE(set->problems.size() == 4);
  CHECK_THAT(set->problems[0].to_string(), Catch::Contains("b.yml: line 1, column 1: tab"));
  CHECK_THAT(set->problems[1].to_string(), Catch::Contains("c.yaml:6:9: spec.mode"));
  CHECK_THAT(set->problems[2].to_string(),
             Catch::Contains("d.yaml: metadata.name: a playbook 'p' was read before"));
  CHECK_THAT(set->problems[3].source, Catch::EndsWith("e.yaml"));
  CHECK_FALSE(load_directory(directory.path() + "/none"));
}

TEST_CASE("Playbooks: the shipped ones are right") {
  const auto set = load_directory("playbooks/shipped");
  REQUIRE(set);
  CHECK(joined(set->problems).empty());
  REQUIRE(set->playbooks.size() == 3);
  CHECK(set->playbooks[0].name == "cryptominer");
  CHECK(set->playbooks[0].mode == Mode::kContainOnly);
  CHECK(set->playbooks[0].requires_approval("redeploy"));
  CHECK(set->playbooks[1].name == "sensitive-file-read");
  CHECK(set->playbooks[1].mode == Mode::kObserve);
  CHECK(set->playbooks[2].name == "shell-in-container");
  CHECK(set->playbooks[2].mode == Mode::kFull);
  CHECK(set->playbooks[2].steps.size() == 5);
}
