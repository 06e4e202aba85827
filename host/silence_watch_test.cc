// SPDX-License-Identifier: Apache-2.0
#include "host/silence_watch.h"

#include <catch2/catch.hpp>

namespace kintsugi::host {
namespace {

using targets::CountedCard;
using targets::ProbeTerms;
using Kind = ProbeTerms::Kind;

constexpr char kMac[] = "52:54:00:77:00:11";
constexpr char kTap[] = "web1-0";

const Finding kIsolated{ConditionStatus::kTrue, "DefinitionEvaluated", "its links are down"};

targets::TrafficCheck traffic(std::vector<CountedCard> cards, bool is_compared,
                              std::vector<std::string> uncounted = {}) {
  targets::TrafficCheck check;
  for (const CountedCard& card : cards) check.counted.emplace("tap of " + card.mac, card);
  check.uncounted = std::move(uncounted);
  check.is_compared = is_compared;
  return check;
}

ProbeAnswer answer(const std::string& address, Result<Reached> reached) {
  return {{address, 80}, std::move(reached)};
}

}  // namespace

TEST_CASE("what was seen of an isolated machine decides what is said of it") {
  struct Row {
    std::string what;
    Finding isolated;
    Silence silence;
    std::string reason;
    std::vector<std::string> said;
    std::vector<std::string> unsaid;
  };
  const Error no_route = make_error(ErrorCode::kUnavailable, "no connection: Network is unreachable");
  const Finding open{ConditionStatus::kFalse, "PassageOpen", "a channel"};
  const Finding off{ConditionStatus::kTrue, "ShutOff", "it does not run"};
  const std::vector<Row> rows{
      {"nothing was seen", off, {}, "ShutOff", {"it does not run"}, {";"}},
      {"first count",
       kIsolated,
       {traffic({{kMac, 7, 0}}, false), {}, {}},
       "DefinitionEvaluated",
       {"its links are down; the host counts"},
       {"sent nothing"}},
      {"silent",
       kIsolated,
       {traffic({{kMac, 7, 0}}, true), {}, {}},
       "DefinitionEvaluated",
       {"sent nothing since"},
       {"answers"}},
      {"it sends",
       kIsolated,
       {traffic({{kMac, 7, 2}}, true), {}, {}},
       "GuestSends",
       {"2 packets by network card 52:54:00:77:00:11", "set_link"},
       {}},
      {"it sends through one of two",
       kIsolated,
       {traffic({{"aa", 7, 0}, {"bb", 7, 4}}, true), {}, {}},
       "GuestSends",
       {"4 packets by network card bb"},
       {"aa"}},
      {"it sends, and more is open", open, {traffic({{kMac, 7, 2}}, true), {}, {}}, "GuestSends", {}, {}},
      {"silent, and more is open",
       open,
       {traffic({{kMac, 7, 0}}, true), {}, {}},
       "PassageOpen",
       {"a channel"},
       {"sent nothing"}},
      {"no counters",
       kIsolated,
       {{}, make_error(ErrorCode::kUnsupported, "not here"), {}},
       "DefinitionEvaluated",
       {"counters could not be had", "not here"},
       {"sent nothing"}},
      {"a card that is not counted",
       kIsolated,
       {traffic({}, true, {kMac}), {}, {}},
       "DefinitionEvaluated",
       {"not counted by the host: network card 52:54:00:77:00:11"},
       {"sent nothing"}},
      {"one that is, one that is not",
       kIsolated,
       {traffic({{"aa", 1, 0}}, true, {"bb"}), {}, {}},
       "DefinitionEvaluated",
       {"sent nothing since", "network card bb"},
       {}},
      {"no answer",
       kIsolated,
       {{}, {}, {answer("10.77.0.11", Reached::kSilent)}},
       "DefinitionEvaluated",
       {"nobody answers at 10.77.0.11:80"},
       {"refused"}},
      {"refused",
       kIsolated,
       {{}, {}, {answer("10.77.0.11", Reached::kRefused)}},
       "DefinitionEvaluated",
       {"refused, by whomever, at 10.77.0.11:80"},
       {"nobody answers"}},
      {"no way there",
       kIsolated,
       {{}, {}, {answer("10.77.0.11", fail(no_route))}},
       "DefinitionEvaluated",
       {"not probed", "Network is unreachable"},
       {"nobody answers"}},
      {"an answer",
       kIsolated,
       {{}, {}, {answer("10.77.0.11", Reached::kAccepted)}},
       "StillAnswers",
       {"connections at 10.77.0.11:80", "ip neigh show 10.77.0.11"},
       {}},
      {"an answer at one of two",
       kIsolated,
       {{}, {}, {answer("fd77::11", Reached::kAccepted), answer("10.77.0.11", Reached::kSilent)}},
       "StillAnswers",
       {"[fd77::11]:80"},
       {"10.77.0.11:80"}},
      {"an answer, and more is open",
       open,
       {{}, {}, {answer("10.77.0.11", Reached::kAccepted)}},
       "PassageOpen",
       {},
       {"10.77.0.11"}},
      {"an answer, and it sends",
       kIsolated,
       {traffic({{kMac, 7, 2}}, true), {}, {answer("10.77.0.11", Reached::kAccepted)}},
       "GuestSends",
       {},
       {}},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const Finding finding = judge_silence(row.isolated, row.silence);
    INFO(finding.message);
    CHECK(finding.reason == row.reason);
    CHECK(finding.holds() == (row.reason == "DefinitionEvaluated" || row.reason == "ShutOff"));
    for (const std::string& said : row.said) CHECK_THAT(finding.message, Catch::Contains(said));
    for (const std::string& unsaid : row.unsaid) CHECK_THAT(finding.message, !Catch::Contains(unsaid));
  }
}

TEST_CASE("only the machine's own addresses are probed, a few of them, each once") {
  const auto [probes, expected] = GENERATE(table<std::vector<ProbeTerms>, std::vector<std::string>>({
      {{}, {}},
      {{{Kind::kAgent, "", ""}}, {}},
      {{{Kind::kTcp, "10.77.0.11:80", ""}}, {"10.77.0.11:80"}},
      {{{Kind::kHttp, "http://10.77.0.11/version", ""}}, {"10.77.0.11:80"}},
      {{{Kind::kHttp, "https://[FD77:0::11]/", ""}}, {"[fd77::11]:443"}},
      {{{Kind::kHttp, "http://10.77.0.11:8080/", ""}, {Kind::kTcp, "10.77.0.11:8080", ""}},
       {"10.77.0.11:8080"}},
      {{{Kind::kTcp, "10.77.0.100:80", ""}}, {}},            // a load balancer's
      {{{Kind::kHttp, "http://web1.lan/version", ""}}, {}},  // a name leads anywhere
      {{{Kind::kHttp, "http://10.77.0.11.example/", ""}}, {}},
      {{{Kind::kTcp, "127.0.0.1:80", ""}}, {}},  // the host itself, whatever the terms say
      {{{Kind::kTcp, "nonsense", ""}, {Kind::kHttp, "nonsense", ""}}, {}},
      {{{Kind::kTcp, "10.77.0.11:1", ""},
        {Kind::kTcp, "10.77.0.11:2", ""},
        {Kind::kTcp, "10.77.0.11:3", ""},
        {Kind::kTcp, "10.77.0.11:4", ""},
        {Kind::kTcp, "10.77.0.11:5", ""}},
       {"10.77.0.11:1", "10.77.0.11:2", "10.77.0.11:3", "10.77.0.11:4"}},
  }));
  targets::DomainTerms terms;
  terms.addresses = {"10.77.0.11", "fd77::11", "127.0.0.1"};
  terms.probes = probes;
  std::vector<std::string> found;
  for (const Endpoint& endpoint : own_endpoints(terms)) found.push_back(endpoint.to_string());
  CHECK(found == expected);
}

TEST_CASE("answers for an earlier isolation are dropped") {
  SilenceMemory memory;
  const std::uint64_t first = memory.facts("inc-1").isolation;
  CHECK(memory.facts("inc-1").isolation == first);
  memory.forget("inc-1");
  memory.keep_answers("inc-1", first, {answer("10.77.0.11", Reached::kAccepted)}, MonotonicTime());
  memory.keep_cards("inc-1", {{kTap, {kMac, 7, 0}}});
  CHECK(memory.facts("inc-1").answers.empty());
  CHECK(memory.facts("inc-1").cards.empty());
  memory.keep_answers("inc-1", first, {answer("10.77.0.11", Reached::kAccepted)}, MonotonicTime());
  CHECK(memory.facts("inc-1").answers.empty());
  memory.keep_answers("inc-1", memory.facts("inc-1").isolation, {answer("10.77.0.11", Reached::kSilent)},
                      MonotonicTime());
  CHECK(memory.facts("inc-1").answers.size() == 1);
  CHECK(memory.facts("inc-2").answers.empty());
}

}  // namespace kintsugi::host
