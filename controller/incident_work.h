// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"
#include "controller/jobs.h"
#include "controller/leadership.h"
#include "controller/playbook_book.h"
#include "controller/settings.h"
#include "incidents/ledger.h"
#include "incidents/store.h"
#include "metrics/registry.h"
#include "model/finding.h"

namespace kintsugi::controller {

/// Tells people through the cluster's Events, best effort. Thread-safe.
class Announcer {
 public:
  virtual ~Announcer() = default;
  virtual void announce(const Incident& incident, bool is_warning, std::string_view reason,
                        std::string_view message) = 0;
};

class TargetSteps;
struct Cluster;
struct Isolation;

/// Everything that steps work with. Only references: the process owns the parts.
struct World {
  incidents::IncidentStore& store;
  incidents::Ledger& ledger;
  const PlaybookBook& book;
  Jobs& jobs;
  metrics::Registry& metrics;
  const Leadership& leadership;
  Announcer& announcer;
  const Settings& settings;
  const Clock& clock;
  Logger& log;
  /// Enqueues an incident; from any thread.
  std::function<void(const std::string& incident)> wake;
  /// What the verbs mean for the targets of this process.
  const TargetSteps& steps;
  const Cluster* cluster;  ///< null where there is none
};

/// One incident during one reconcile: a working copy that is written back when it has changed.
class IncidentWork {
 public:
  /// Who may speak for the incident: the leader, whose findings are logged and announced, or a replica that
  /// only won the create and contains.
  enum class Voice : std::uint8_t { kLeader, kWinner };

  IncidentWork(World& world, Incident incident, std::shared_ptr<const Playbook> playbook, Mode mode,
               Voice voice = Voice::kLeader);

  World& world() { return world_; }
  const Incident& incident() const { return incident_; }
  IncidentStatus& status() { return incident_.status; }
  const TargetRef& target() const { return incident_.spec.target; }
  /// Who is to replace the victim: its controller when it was isolated, else its owner at the opening, for it
  /// may have gone before. An empty kind: nobody, a bare pod.
  OwnerRef owner() const;
  /// nullptr where the playbook is gone.
  const Playbook* playbook() const { return playbook_.get(); }
  /// What may be done now: the incident's mode under today's caps.
  Mode mode() const { return mode_; }
  /// Whether this may only contain, and write nothing about it: that is the leader's.
  bool is_winner() const { return voice_ == Voice::kWinner; }
  /// Whether the caps have not been lowered since this reconcile began.
  bool is_still_permitted() const;
  WallTime now() const { return world_.clock.now(); }

  /// What this process did in a reconcile before this one, of which nothing is stored yet.
  const std::shared_ptr<const Isolation>& isolation() const { return isolation_; }
  void set_isolation(std::shared_ptr<const Isolation> isolation) { isolation_ = std::move(isolation); }

  /// Sets a condition; a change of its status or reason is also in the timeline and an Event.
  void conclude(std::string_view condition, const Finding& finding);
  void note(std::string_view message);
  /// The same, unless the timeline has it already.
  void note_once(std::string_view message);
  /// Names the step that waits for a person, and why; an empty step: none waits. While a question about the
  /// containment has no answer, a redeployment that waits is not named.
  void await(std::string_view step, std::string_view why);
  /// Asks a person about `step`, and returns the decision that answers this very question; nullptr: there is
  /// none yet, and the step waits. One is named at a time: that which waits already, but for a redeployment,
  /// which is named after the containment.
  const Approval* ask(std::string_view step, std::string_view question, std::string_view why);
  /// The step, if it waits, waits no more; these questions need no answer any more.
  void settle(std::string_view step, std::initializer_list<std::string_view> questions);
  /// Ends the incident. What is still planned is given up, but for the plan of one that only observed.
  void end(Outcome outcome, std::string_view reason, std::string_view message);

  /// Keeps an action before its first change, or its new state. The bound on the journal is checked here,
  /// before anything changes.
  Result<void> journal(const Action& action, JournalEntry::State state);

  /// Counts a change that was made, or was not; `took` includes retries.
  void count(const Action& action, bool applied, std::chrono::nanoseconds took);

  /// Writes the status where it differs from what is stored. kConflict: somebody else wrote; start again.
  /// kUnavailable: this was a leader's work, and it leads no more.
  Result<void> save();

 private:
  bool may_name(std::string_view step) const;

  World& world_;
  Incident incident_;
  std::string stored_;  ///< the status as stored, serialised
  std::shared_ptr<const Playbook> playbook_;
  Mode mode_;
  Voice voice_;
  std::shared_ptr<const Isolation> isolation_;
};

}  // namespace kintsugi::controller
