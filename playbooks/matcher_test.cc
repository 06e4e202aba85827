// SPDX-License-Identifier: Apache-2.0
#include "playbooks/matcher.h"

#include <catch2/catch.hpp>

using namespace kintsugi;
using namespace kintsugi::playbooks;

namespace {

Signal signal() {
  Signal signal;
  signal.source = "falco";
  signal.rule = "Reverse shell in container";
  signal.severity = Severity::kWarning;
  signal.tags = {"container", "shell"};
  return signal;
}

SignalMatch match(std::vector<std::string> rules, std::vector<std::string> tags = {},
                  Severity least = Severity::kInfo) {
  return {"falco", std::move(rules), std::move(tags), least};
}

Playbook playbook(std::string name, Mode mode) {
  Playbook playbook;
  playbook.name = std::move(name);
  playbook.mode = mode;
  playbook.signals = {match({"Nothing"}), match({"Reverse*"})};
  return playbook;
}

}  // namespace

TEST_CASE("Matching: every given part must hold") {
  CHECK(matches(match({}), signal()));
  CHECK(matches(match({"x", "Reverse*"}), signal()));
  CHECK(matches(match({}, {"shell"}), signal()));
  CHECK(matches(match({}, {"shell", "container"}), signal()));
  CHECK(matches(match({}, {}, Severity::kWarning), signal()));
  CHECK_FALSE(matches(match({"x"}), signal()));
  CHECK_FALSE(matches(match({"reverse*"}), signal()));
  CHECK_FALSE(matches(match({"Reverse"}), signal()));
  CHECK_FALSE(matches(match({"Reverse*"}, {"shell", "host"}), signal()));
  CHECK_FALSE(matches(match({"Reverse*"}, {"she*"}), signal()));
  CHECK_FALSE(matches(match({"Reverse*"}, {}, Severity::kError), signal()));
  SignalMatch other = match({"Reverse*"});
  other.source = "tetragon";
  CHECK_FALSE(matches(other, signal()));
}

TEST_CASE("Matching: any entry of a playbook is enough") {
  std::vector<Playbook> playbooks{playbook("a", Mode::kFull), playbook("b", Mode::kObserve), Playbook()};
  playbooks[1].signals = {match({"Nothing"})};
  const auto found = matching_playbooks(signal(), playbooks);
  REQUIRE(found.size() == 1);
  CHECK(found[0] == &playbooks[0]);
}

TEST_CASE("Matching: selectors narrow the targets") {
  Playbook narrow;
  CHECK(selects_target(narrow, {}, {}));
  narrow.namespace_selector.match_labels = {{"team", "shop"}};
  narrow.pod_selector.match_labels = {{"app", "web"}};
  CHECK(selects_target(narrow, {{"team", "shop"}}, {{"app", "web"}, {"x", "y"}}));
  CHECK_FALSE(selects_target(narrow, {{"team", "shop"}}, {{"app", "db"}}));
  CHECK_FALSE(selects_target(narrow, {{"team", "bank"}}, {{"app", "web"}}));
  CHECK_FALSE(selects_target(narrow, {}, {{"app", "web"}}));
}

TEST_CASE("Choosing: the strongest permitted mode wins, ties by name") {
  const Playbook full_b = playbook("b", Mode::kFull);
  const Playbook full_c = playbook("c", Mode::kFull);
  const Playbook contain = playbook("a", Mode::kContainOnly);
  const Playbook observe = playbook("0", Mode::kObserve);
  const std::vector<const Playbook*> all{&full_c, &observe, &contain, &full_b};
  struct Case {
    Mode name_space, cluster;
    std::string winner;
    Mode mode;
  };
  const auto c = GENERATE(values<Case>({
      {Mode::kFull, Mode::kFull, "b", Mode::kFull},
      {Mode::kContainOnly, Mode::kFull, "a", Mode::kContainOnly},
      {Mode::kFull, Mode::kContainOnly, "a", Mode::kContainOnly},
      {Mode::kObserve, Mode::kContainOnly, "0", Mode::kObserve},
      {Mode::kFull, Mode::kOff, "0", Mode::kOff},
      {Mode::kOff, Mode::kFull, "0", Mode::kOff},
  }));
  const auto choice = choose_playbook(all, c.name_space, c.cluster);
  REQUIRE(choice);
  CHECK(choice->playbook->name == c.winner);
  CHECK(choice->mode == c.mode);
  CHECK_FALSE(choose_playbook({}, Mode::kFull, Mode::kFull));
}

TEST_CASE("Choosing: a cap that cannot be read permits nothing but observing") {
  CHECK(mode_cap(std::nullopt) == Mode::kFull);
  CHECK(mode_cap("off") == Mode::kOff);
  CHECK(mode_cap("contain-only") == Mode::kContainOnly);
  CHECK(mode_cap("full") == Mode::kFull);
  CHECK(mode_cap("Full") == Mode::kObserve);
  CHECK(mode_cap("") == Mode::kObserve);
}
