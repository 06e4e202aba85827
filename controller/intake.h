// SPDX-License-Identifier: Apache-2.0
//
// From a decoded signal to a durable incident. Needs no leader: every replica does this, and an incident's
// name decides who was first (design.md, "Intake needs no leader").
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"
#include "controller/intake_result.h"
#include "controller/playbook_book.h"
#include "controller/settings.h"
#include "controller/target_resolver.h"
#include "incidents/store.h"
#include "model/signal.h"

namespace kintsugi::controller {

/// Thread-safe. What it answers is durable; a repeat of a known (source, rule) pair is only counted, and the
/// counts are written by flush_repeats().
class Intake {
 public:
  /// Called with the name of an incident whose create this process has won, and when that create was started.
  using Won = std::function<void(const std::string& incident, MonotonicTime started)>;

  /// References must outlive the intake.
  Intake(incidents::IncidentStore& store, const TargetResolver& resolver, const PlaybookBook& playbooks,
         const Settings& settings, const Clock& clock, Logger& log, Won won);

  /// An error means that nothing is durable and the sender should send again.
  Result<IntakeResult> take(const Signal& signal);
  /// Writes what repeats were counted; what cannot be written is kept for the next time.
  void flush_repeats();

 private:
  struct Repeat {
    Signal signal;  ///< the last one
    std::uint64_t count = 0;
  };
  using Repeats = std::map<std::string, Repeat>;  ///< by source and rule
  struct Opening {
    Victim victim;
    const Playbook* playbook;
    Mode mode;
  };

  Result<IntakeResult> open_or_join(const Signal& signal, const Opening& opening);
  Result<IntakeResult> open(const Signal& signal, const Opening& opening, unsigned generation);
  IntakeResult opened(const Signal& signal, const Opening& opening, const Incident& incident,
                      MonotonicTime started);
  Result<std::optional<IntakeResult>> join(const Signal& signal, const Opening& opening,
                                           const std::string& name);
  Incident new_incident(const Signal& signal, const Opening& opening, unsigned generation) const;
  bool count_repeat(const Signal& signal, Mode mode, const Incident& incident);
  void put_back(const std::string& incident, const Repeats& repeats);
  void take_again(const Incident& ended, const Repeats& repeats);
  Result<void> write_repeats(const std::string& name, const Repeats& repeats);

  incidents::IncidentStore& store_;
  const TargetResolver& resolver_;
  const PlaybookBook& playbooks_;
  const Settings& settings_;
  const Clock& clock_;
  Logger& log_;
  const Won won_;

  std::mutex mutex_;
  std::map<std::string, Repeats> repeats_;  ///< guarded; by incident
};

}  // namespace kintsugi::controller
