// SPDX-License-Identifier: Apache-2.0
//
// Whether an isolated machine is silent, by what others see of it than its definition: the host's side of its
// network cards, and who connects to its addresses.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "host/domain_steps.h"
#include "host/service_probe.h"
#include "targets/libvirt/card_traffic.h"

namespace kintsugi::host {

/// Of a machine's probes so many are made while it is isolated, and so long after the last.
inline constexpr std::size_t kMaxSilenceProbes = 4;
inline constexpr std::chrono::seconds kSilencePause{5};

struct ProbeAnswer {
  Endpoint endpoint;
  Result<Reached> reached;
};

/// What was seen of an isolated machine.
struct Silence {
  targets::TrafficCheck traffic;
  std::optional<Error> no_counters;  ///< why the host's counters could not be had
  std::vector<ProbeAnswer> answers;  ///< to the last probes; none: they were not made yet, or there are none
};

/// What the definition says of a running machine, and what was seen of it beside. Pure. Reasons: those of
/// assess_isolation(), GuestSends, StillAnswers.
Finding judge_silence(Finding isolated, const Silence& silence);
inline constexpr char kGuestSends[] = "GuestSends";

/// Where the machine's probes ask, if that is an address of its own: somebody else may answer at others, such
/// as a load balancer's.
std::vector<Endpoint> own_endpoints(const targets::DomainTerms& terms);

/// What is remembered from one look to the next. In memory only: a new process counts from what it finds.
/// Thread-safe.
class SilenceMemory {
 public:
  struct Facts {
    std::uint64_t isolation = 0;  ///< another one after each forget()
    targets::CountedCards cards;
    std::vector<ProbeAnswer> answers;
    std::optional<MonotonicTime> probed;
  };

  /// Of an incident, from which on it is remembered.
  Facts facts(const std::string& incident);
  void keep_cards(const std::string& incident, targets::CountedCards cards);
  /// Of the isolation for which they were made; those of an earlier one are dropped.
  void keep_answers(const std::string& incident, std::uint64_t isolation, std::vector<ProbeAnswer> answers,
                    MonotonicTime now);
  /// The machine was isolated (again), or is not any more.
  void forget(const std::string& incident);

 private:
  std::mutex mutex_;
  std::uint64_t isolations_ = 0;        ///< guarded
  std::map<std::string, Facts> facts_;  ///< guarded
};

/// Looks at the isolated machine; `is_isolated`: by its definition. Probes are made by a job, for a running
/// machine that nobody may visit.
Silence look_for_silence(const DomainWorld& domains, IncidentWork& work,
                         const targets::DomainObservation& domain, const targets::DomainIsolation& wanted,
                         bool is_isolated);

}  // namespace kintsugi::host
