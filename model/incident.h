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
#include "model/playbook.h"
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

enum class ConditionStatus : std::uint8_t { kFalse, kTrue, kUnknown };

namespace condition {
inline constexpr std::string_view kContained = "Contained";
inline constexpr std::string_view kEvidencePreserved = "EvidencePreserved";
inline constexpr std::string_view kRedeployed = "Redeployed";
inline constexpr std::string_view kRecovered = "Recovered";
inline constexpr std::string_view kClosed = "Closed";
inline constexpr std::string_view kHeld = "Held";
inline constexpr std::string_view kFailed = "Failed";
}  // namespace condition

/// A metav1.Condition.
struct Condition {
  std::string type;
  ConditionStatus status = ConditionStatus::kUnknown;
  std::string reason;   ///< CamelCase, never empty
  std::string message;  ///< for people, escaped, at most 1 KiB
  WallTime last_transition_time;
  std::int64_t observed_generation = 0;
  bool operator==(const Condition&) const = default;
};

/// A decision on a step that waits.
struct Approval {
  std::string step;
  bool approved = false;
  std::string by;
  std::string reason;
  WallTime time;
};

/// What a person was asked about a step. Only what is decided afterwards answers it: who agreed to one thing
/// has not agreed to the next.
struct Question {
  std::string name;  ///< "contain/caps"; unique within the incident
  std::string step;
  std::uint64_t decided_before = 0;  ///< decisions that were there when it was asked
};

/// A person says that it was a false alarm.
struct ReleaseOrder {
  enum class Victim : std::uint8_t { kRestore, kLeave, kDelete };
  Victim victim = Victim::kRestore;
  std::string by;
  std::string reason;
  WallTime time;
};

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

/// What a container of the victim ran.
struct RunningImage {
  std::string container;
  std::string image;     ///< as its spec names it
  std::string image_id;  ///< as the runtime reported it; may be empty
};

/// What containment took from the victim; the copy of the annotation that travels in the patch.
struct ContainmentRecord {
  std::optional<WallTime> time;  ///< when the victim was isolated, as far as is known
  Labels labels;                 ///< removed
  std::string node;
  OwnerRef controller;  ///< the direct controlling owner then
  std::uint32_t reassertions = 0;
  std::vector<RunningImage> images;  ///< of its containers, those that only start it aside
};

/// The digest that counts as recovered, and why.
struct TrustedImage {
  std::string container;
  std::string image;                     ///< the reference that was verified
  std::string digest;                    ///< "sha256:…", what is deployed
  std::vector<std::string> equivalents;  ///< digests under which a runtime may report it
  std::string policy;
  std::string key_id;
  std::string origin;  ///< "Template", "Running", "LastKnownGood"
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
  std::string name;
  std::string name_space;
  std::string uid;
  std::string resource_version;
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
