// SPDX-License-Identifier: Apache-2.0
//
// The durable record of one breach of one target. Values only; how it is stored is incidents/'s business.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/label_selector.h"
#include "model/action.h"
#include "model/condition.h"
#include "model/containment_record.h"
#include "model/decision.h"
#include "model/image.h"
#include "model/mode.h"
#include "model/severity.h"
#include "model/target.h"

namespace kintsugi {

/// Where an incident stands. Derived from conditions, for people; nothing decides by it but what is printed.
enum class Stage : std::uint8_t {
  kDetected,
  kContaining,
  kCollecting,
  kRedeploying,
  kVerifying,
  kRecovered,
  kClosed,
  kAwaitingApproval,
  kHeld,
  kFailed,
  kReleased,
};
inline constexpr std::array kStages{Stage::kDetected,    Stage::kContaining,       Stage::kCollecting,
                                    Stage::kRedeploying, Stage::kVerifying,        Stage::kRecovered,
                                    Stage::kClosed,      Stage::kAwaitingApproval, Stage::kHeld,
                                    Stage::kFailed,      Stage::kReleased};
std::string_view to_string(Stage stage);

/// How an incident ended.
enum class Outcome : std::uint8_t { kNone, kRecovered, kReleased, kObserved, kContained, kFailed };
inline constexpr std::array kOutcomes{Outcome::kRecovered, Outcome::kReleased, Outcome::kObserved,
                                      Outcome::kContained, Outcome::kFailed};
/// "", "recovered", "released", "observed", "contained", "failed".
std::string_view to_string(Outcome outcome);

/// The first signal as it is kept, or who opened the incident by hand.
struct Origin {
  std::string source;  ///< "falco", or "person"
  std::string rule;
  Severity severity = Severity::kWarning;
  std::string summary;
  WallTime detected;
  WallTime received;
  std::optional<WallTime> compromise_start;
  std::string container;  ///< name of the container, where the signal's id was resolved
  std::string note;       ///< what of the signal was not used, and why; escaped
  bool time_was_clamped = false;
};

struct IncidentSpec {
  TargetRef target;
  OwnerRef owner;  ///< as known at the opening; the live chain decides
  Origin origin;
  std::string playbook;
  std::string playbook_hash;
  Mode mode = Mode::kObserve;  ///< the permitted mode at the opening
  // What a person decides; everything above is immutable.
  bool hold = false;
  std::vector<Approval> approvals;
  std::optional<ReleaseOrder> release;
};

/// Write-once stamps with microseconds, the only source of the recovery metrics.
struct IncidentTimes {
  std::optional<WallTime> compromise_start, detected, acknowledged, contained, evidence_preserved, redeployed,
      recovered, closed;
};

/// A distinct (source, rule) pair that was seen, and how often.
struct SignalTally {
  std::string source;
  std::string rule;
  Severity severity = Severity::kInfo;
  std::uint64_t count = 1;
  WallTime first;
  WallTime last;
};

struct TimelineEntry {
  WallTime time;
  std::string actor;    ///< "controller", or a person's name
  std::string message;  ///< past tense, escaped, at most 512 bytes
};

/// Of any leader: a Lease counts them in 32 bits.
inline constexpr std::int64_t kMaxFencingToken = 1'000'000'000;

struct IncidentStatus {
  Severity severity = Severity::kInfo;
  std::string playbook;  ///< the active one; empty: that of the spec
  std::string playbook_hash;
  Mode mode = Mode::kObserve;
  std::string awaiting;  ///< the step that waits for a person; empty: none
  std::string awaiting_reason;
  std::vector<Question> questions;  ///< those that still matter, answered or not
  std::string acknowledged_by;
  std::vector<Condition> conditions;
  IncidentTimes times;
  std::vector<SignalTally> signals;
  std::vector<TimelineEntry> timeline;
  std::vector<JournalEntry> journal;
  std::optional<ContainmentRecord> containment;
  std::vector<TrustedImage> images;
  std::string replacement;  ///< name of the pod that took the victim's place
  std::string evidence_location;
  std::string evidence_manifest_sha256;
  Outcome outcome = Outcome::kNone;
  std::int64_t observed_generation = 0;
  std::int64_t fencing_token = 0;  ///< of the leader that wrote last; 0: there was no election

  /// Whether a leader has begun the incident. Until then it holds no more than what signals that joined have
  /// added.
  bool has_begun() const { return times.detected.has_value(); }
};

struct Incident {
  // In the .cc, so that not each file that holds an incident compiles them for all that it consists of.
  Incident();
  Incident(const Incident& other);
  Incident(Incident&& other) noexcept;
  Incident& operator=(const Incident& other);
  Incident& operator=(Incident&& other) noexcept;
  ~Incident();

  std::string name;
  std::string name_space;
  std::string uid;
  std::string resource_version;
  /// Random, of the create that made it: what tells a create whose answer got lost from somebody else's.
  std::string opener;
  std::int64_t generation = 0;
  WallTime created;
  bool being_deleted = false;
  bool has_ledger_finalizer = false;
  /// Why the object cannot be understood; empty: it can. Nothing is done about such an incident but saying
  /// so.
  std::string problem;
  IncidentSpec spec;
  IncidentStatus status;

  /// Closed, released, or failed for good: nothing more is done but what the playbook schedules for later.
  bool is_over() const { return status.outcome != Outcome::kNone; }
};

/// The incident's limits; what exceeds them is dropped oldest-first (timeline) or refused (journal).
inline constexpr std::size_t kMaxTimelineEntries = 200;
inline constexpr std::size_t kMaxTimelineMessageBytes = 512;
inline constexpr std::size_t kMaxJournalBytes = 256u << 10;
inline constexpr std::size_t kMaxJournalEntries = 256;
inline constexpr std::size_t kMaxConditionMessageBytes = 1024;
inline constexpr std::size_t kMaxSignalTallies = 50;  ///< and one for all further rules
inline constexpr std::string_view kFurtherRules = "(further rules)";

Stage stage_of(const Incident& incident);
/// The mode that it has now: of the playbook that took it over, else what it was opened with.
Mode mode_of(const Incident& incident);
/// Whether its victim is to be isolated, and is not, or not any more.
bool is_uncontained(const Incident& incident);

const Condition* find_condition(const IncidentStatus& status, std::string_view type);
bool is_true(const IncidentStatus& status, std::string_view type);
/// Adds or changes a condition; the transition time moves only with the status. Returns whether anything
/// changed.
bool set_condition(Incident& incident, std::string_view type, ConditionStatus status, std::string_view reason,
                   std::string_view message, WallTime now);
/// Appends, escaping and bounding; an entry that repeats the last one's message is not added again.
void add_timeline(IncidentStatus& status, WallTime now, std::string_view actor, std::string_view message);
/// Counts `count` equal signals into their (source, rule) tally, those of too many rules into a common one,
/// and raises the severity. Returns whether that is more than a count: a new tally, or a higher severity.
bool tally_signal(IncidentStatus& status, std::string_view source, std::string_view rule, Severity severity,
                  WallTime time, std::uint64_t count = 1);
/// Whether a signal would only be counted (tally_signal() would return false).
bool is_only_counted(const Incident& incident, std::string_view source, std::string_view rule,
                     Severity severity);
/// The newest decision on `step`, or nullptr.
const Approval* find_approval(const IncidentSpec& spec, std::string_view step);
/// The newest decision that answers a question, or nullptr: none does, or it was not asked.
const Approval* find_answer(const Incident& incident, std::string_view question);
/// Asks, unless it is asked already.
void ask(Incident& incident, std::string_view question, std::string_view step);
/// The question does not matter any more; the next time it is asked anew.
void forget_question(IncidentStatus& status, std::string_view question);

}  // namespace kintsugi
