// SPDX-License-Identifier: Apache-2.0
//
// Scenario 29: an API server, or a network, in trouble: the end is the same, and requests stay bounded.
#include <catch2/catch.hpp>

#include <algorithm>
#include <iostream>

#include "tests/faults/play.h"
#include "tests/support/parallel.h"

using namespace kintsugi;
using namespace kintsugi::faults;
using namespace std::chrono_literals;

namespace {

/// An undisturbed run needs some thirty. A loop without a pause would need thousands.
constexpr std::ptrdiff_t kMostCalls = 400;
constexpr std::uint64_t kSeed = 20260101;

Rule answer(int status, double probability, std::optional<int> retry_after = {}) {
  Rule rule;
  rule.fault = {.kind = Fault::Kind::kAnswer, .status = status, .retry_after_seconds = retry_after};
  rule.probability = probability;
  return rule;
}

Rule foreign_answer(int status, double probability) {
  Rule rule = answer(status, probability);
  rule.fault.kind = Fault::Kind::kForeignAnswer;
  return rule;
}

Rule cut(Fault::Kind kind, double probability) {
  Rule rule;
  rule.fault.kind = kind;
  rule.probability = probability;
  return rule;
}

Rule at_first(Rule rule, std::size_t most) {
  rule.most = most;
  return rule;
}

Rule of(std::string method, Rule rule) {
  rule.method = std::move(method);
  return rule;
}

Rule slow(std::chrono::milliseconds delay, double probability) {
  Rule rule;
  rule.fault = {.kind = Fault::Kind::kDelay, .delay = delay};
  rule.probability = probability;
  return rule;
}

Rule on_watches(Rule rule) {
  rule.watches = true;
  return rule;
}

struct Trouble {
  const char* name;
  std::vector<Rule> rules;
  std::chrono::milliseconds watch_age{0};
};

std::vector<Trouble> troubles() {
  using Kind = Fault::Kind;
  return {
      {"a burst of 429 with Retry-After", {at_first(answer(429, 1, 1), 6)}},
      {"a burst of 429 without Retry-After", {at_first(answer(429, 1), 6)}},
      {"a burst of 500", {at_first(answer(500, 1), 6)}},
      {"a burst of 503", {at_first(answer(503, 1, 1), 6)}},
      {"a burst of conflicts",
       {of("PUT", at_first(answer(409, 1), 4)), of("PATCH", at_first(answer(409, 1), 4))}},
      {"a burst of failed patch tests", {of("PATCH", at_first(answer(422, 1), 4))}},
      {"the first create is refused as invalid", {of("POST", at_first(answer(422, 1), 1))}},
      {"a burst of a proxy's 404", {at_first(foreign_answer(404, 1), 6)}},
      {"one answer in ten is a proxy's 404", {foreign_answer(404, 0.1)}},
      {"one answer in five is 500", {answer(500, 0.2)}},
      {"one answer in five is 429", {answer(429, 0.2)}},
      {"one call in five is cut before the server acts", {cut(Kind::kCutBefore, 0.2)}},
      {"one call in five is cut after the server acted", {cut(Kind::kCutAfter, 0.2)}},
      {"every call takes 100 ms longer", {slow(100ms, 1)}},
      {"each watch ends within a second or two", {}, 1000ms},
      {"each watch ends within 100 ms or two", {}, 100ms},
      {"resource versions expire", {on_watches(at_first(answer(410, 1), 20))}, 500ms},
      {"watches are refused with 500 now and then", {on_watches(at_first(answer(500, 0.5), 10))}, 500ms},
      {"all of it",
       {answer(429, 0.05), answer(500, 0.05), cut(Kind::kCutBefore, 0.05), cut(Kind::kCutAfter, 0.05),
        slow(50ms, 0.2), on_watches(at_first(answer(410, 0.3), 10))},
       700ms},
  };
}

Ending play_in(const Trouble& trouble, const Story& story) {
  const auto cluster = Cluster::start_sandbox();
  PlayOptions options;
  options.rules = trouble.rules;
  options.seed = kSeed;
  options.watch_age = trouble.watch_age;
  options.patience = 60s;
  return play(*cluster, story, options);
}

/// What collects evidence, or changes an owner.
bool can_wait(const Call& call) {
  if (call.method == "PATCH") return call.path.find("/deployments/") != std::string::npos;
  return call.path.ends_with("/log") || call.path.ends_with("/exec") ||
         (call.method == "GET" && call.path.ends_with("/events"));
}

bool containment_goes_first(const std::vector<Call>& calls) {
  const auto isolated = std::find_if(calls.begin(), calls.end(), [](const Call& call) {
    return call.method == "PATCH" && call.path.find("/pods/") != std::string::npos && call.succeeded();
  });
  return isolated != calls.end() && std::none_of(calls.begin(), isolated, can_wait);
}

void play_through(const Story& story) {
  const std::vector<Trouble> all = troubles();
  std::vector<Ending> endings(all.size());
  support::in_parallel(kAtOnce, all.size(), [&](std::size_t i) { endings[i] = play_in(all[i], story); });
  for (std::size_t i = 0; i < all.size(); ++i) {
    INFO("story " << story.name << ": " << all[i].name << "\n" << endings[i].to_string());
    CHECK(endings[i].problems.empty());
    CHECK(endings[i].lives == 1);
    CHECK(containment_goes_first(endings[i].calls));
    const auto troubled = std::count_if(endings[i].calls.begin(), endings[i].calls.end(),
                                        [](const Call& call) { return call.is_troubled; });
    CHECK((troubled > 0 || all[i].rules.empty()));
    const auto calls = std::count_if(endings[i].calls.begin(), endings[i].calls.end(),
                                     [](const Call& call) { return !call.is_watch; });
    CHECK(calls <= kMostCalls);
    std::cout << all[i].name << ": " << calls << " calls and " << endings[i].calls.size() - std::size_t(calls)
              << " watches, " << troubled << " in trouble, " << endings[i].took.count() << " ms" << std::endl;
  }
}

}  // namespace

TEST_CASE("an API server in trouble does not change the end, and is not stormed", "[faults]") {
  play_through(kPreparedTemplate);
}

TEST_CASE("an API server in trouble does not make a pin happen twice", "[faults]") {
  play_through(kTemplateByTag);
}
