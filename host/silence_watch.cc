// SPDX-License-Identifier: Apache-2.0
#include "host/silence_watch.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/escape.h"
#include "base/machine_name.h"

namespace kintsugi::host {
namespace {

/// Probes of all machines share this many of the jobs' threads with nobody else.
constexpr char kLane[] = "silence";
constexpr char kJob[] = "probe-silence";

std::string joined(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::vector<std::string> endpoints(const Silence& silence, Reached reached) {
  std::vector<std::string> names;
  for (const ProbeAnswer& answer : silence.answers) {
    if (answer.reached && *answer.reached == reached) names.push_back(answer.endpoint.to_string());
  }
  return names;
}

Finding sends(const std::vector<targets::CountedCard>& cards) {
  std::vector<std::string> counts;
  for (const targets::CountedCard& card : cards)
    counts.push_back(fmt::format("{} packets by network card {}", card.since, escape(card.mac, 32)));
  return {ConditionStatus::kFalse, kGuestSends,
          fmt::format("the guest has sent {}, whose link is down for libvirt: somebody has raised it at QEMU "
                      "itself (set_link)",
                      joined(counts))};
}

Finding answers(const std::vector<std::string>& where, const Endpoint& first) {
  return {ConditionStatus::kFalse, "StillAnswers",
          fmt::format("somebody takes connections at {}, an address of this machine, whose links are down: "
                      "look for another machine that has it ('ip neigh show {}' has its MAC address), a rule "
                      "that leads elsewhere, and a network card that libvirt does not know of",
                      joined(where), escape(first.address, 64))};
}

/// What of the machine's network cards was confirmed, or could not be.
std::string said_by_counters(const Silence& silence) {
  if (silence.no_counters)
    return "; the host's counters could not be had: " + silence.no_counters->to_string();
  std::string text;
  if (!silence.traffic.counted.empty()) {
    text += silence.traffic.is_compared ? "; by the host's count the guest has sent nothing since"
                                        : "; the host counts what the guest sends from here on";
  }
  if (!silence.traffic.uncounted.empty())
    text += "; not counted by the host: network card " + joined(silence.traffic.uncounted);
  return text;
}

std::string said_by_probes(const Silence& silence) {
  std::string text;
  if (const auto silent = endpoints(silence, Reached::kSilent); !silent.empty())
    text += "; nobody answers at " + joined(silent);
  if (const auto refused = endpoints(silence, Reached::kRefused); !refused.empty())
    text += "; connections are refused, by whomever, at " + joined(refused);
  for (const ProbeAnswer& answer : silence.answers) {
    if (!answer.reached) text += "; not probed: " + answer.reached.error().to_string();
  }
  return text;
}

void probe(const DomainWorld& domains, IncidentWork& work, std::uint64_t isolation,
           std::vector<Endpoint> wanted) {
  const std::string incident = work.incident().name;
  const auto ask = [&domains, &clock = work.world().clock, incident, isolation,
                    wanted = std::move(wanted)](const std::stop_token& stop) {
    std::vector<ProbeAnswer> answers;
    for (const Endpoint& endpoint : wanted) {
      if (stop.stop_requested()) return;
      answers.push_back({endpoint, domains.probe.reach(endpoint)});
    }
    domains.silence.keep_answers(incident, isolation, std::move(answers), clock.monotonic());
  };
  // In a group of its own, because it is not to take the place of evidence. The next look finds what it says.
  work.world().jobs.start(incident + "/silence", kLane, kJob, ask, [] {});
}

}  // namespace

Finding judge_silence(Finding isolated, const Silence& silence) {
  if (const auto loud = silence.traffic.loud(); !loud.empty()) return sends(loud);
  if (!isolated.holds()) return isolated;
  const auto accepted = std::find_if(
      silence.answers.begin(), silence.answers.end(),
      [](const ProbeAnswer& answer) { return answer.reached && *answer.reached == Reached::kAccepted; });
  if (accepted != silence.answers.end())
    return answers(endpoints(silence, Reached::kAccepted), accepted->endpoint);
  isolated.message += said_by_counters(silence) + said_by_probes(silence);
  return isolated;
}

std::vector<Endpoint> own_endpoints(const targets::DomainTerms& terms) {
  std::vector<Endpoint> own;
  for (const targets::ProbeTerms& probe : terms.probes) {
    const auto endpoint = endpoint_of(probe);
    if (!endpoint || is_shared_address(endpoint->address)) continue;
    const auto& addresses = terms.addresses;
    const bool is_own = std::find(addresses.begin(), addresses.end(), endpoint->address) != addresses.end();
    const bool is_new = std::find(own.begin(), own.end(), *endpoint) == own.end();
    if (is_own && is_new && own.size() < kMaxSilenceProbes) own.push_back(*endpoint);
  }
  return own;
}

SilenceMemory::Facts SilenceMemory::facts(const std::string& incident) {
  std::lock_guard lock(mutex_);
  const auto [found, is_new] = facts_.try_emplace(incident);
  if (is_new) found->second.isolation = ++isolations_;
  return found->second;
}

void SilenceMemory::keep_cards(const std::string& incident, targets::CountedCards cards) {
  std::lock_guard lock(mutex_);
  if (const auto found = facts_.find(incident); found != facts_.end()) found->second.cards = std::move(cards);
}

void SilenceMemory::keep_answers(const std::string& incident, std::uint64_t isolation,
                                 std::vector<ProbeAnswer> answers, MonotonicTime now) {
  std::lock_guard lock(mutex_);
  const auto found = facts_.find(incident);
  if (found == facts_.end() || found->second.isolation != isolation) return;
  found->second.answers = std::move(answers);
  found->second.probed = now;
}

void SilenceMemory::forget(const std::string& incident) {
  std::lock_guard lock(mutex_);
  facts_.erase(incident);
}

Silence look_for_silence(const DomainWorld& domains, IncidentWork& work,
                         const targets::DomainObservation& domain, const targets::DomainIsolation& wanted,
                         bool is_isolated) {
  Silence silence;
  if (!domain.live) return silence;
  const std::string& incident = work.incident().name;
  SilenceMemory::Facts known = domains.silence.facts(incident);
  if (const auto closed = targets::closed_cards(*domain.live); !closed.empty()) {
    const auto counted = domains.hypervisor.card_traffic(work.target().uid);
    if (counted) {
      silence.traffic = targets::check_traffic(closed, *counted, known.cards);
      domains.silence.keep_cards(incident, silence.traffic.counted);
    } else {
      silence.no_counters = counted.error();
    }
  }
  if (!is_isolated || targets::place_of(domain, wanted).is_open) return silence;
  silence.answers = std::move(known.answers);
  const bool is_due = !known.probed || work.world().clock.monotonic() >= *known.probed + kSilencePause;
  auto own = own_endpoints((domain.persistent ? *domain.persistent : *domain.live).terms);
  if (own.empty()) silence.answers.clear();
  if (is_due && !own.empty()) probe(domains, work, known.isolation, std::move(own));
  return silence;
}

}  // namespace kintsugi::host
