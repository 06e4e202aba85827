// SPDX-License-Identifier: Apache-2.0
//
// What remains of incidents when they are deleted: small records from which the recovery metrics stay
// complete.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/incident.h"

namespace kintsugi::incidents {

/// One incident as the metrics need it.
struct LedgerRecord {
  std::string uid;  ///< of the incident: folding twice is folding once
  std::string name;
  std::string name_space;  ///< of the target
  std::string source;
  Severity severity = Severity::kInfo;
  Severity first_severity = Severity::kInfo;  ///< of the first signal
  Outcome outcome = Outcome::kNone;
  IncidentTimes times;
  bool time_was_clamped = false;  ///< of the first signal: its own time was not plausible
};

LedgerRecord record_of(const Incident& incident);
/// One compact JSON object, below 600 bytes.
std::string to_text(const LedgerRecord& record);
Result<LedgerRecord> parse_ledger_record(std::string_view text);

/// What a ledger holds, in no order.
struct LedgerContents {
  std::vector<LedgerRecord> records;
  /// What is left of records that are not kept one by one any more: texts that Compaction::add made.
  std::vector<std::string> totals;
};

/// How records become totals, so that the ledger stays small.
struct Compaction {
  /// Whether the record's incident exists no more: nobody will fold it again. Such a record may go.
  std::function<bool(const LedgerRecord&)> is_final;
  /// Whether the record is not needed one by one any more.
  std::function<bool(const LedgerRecord&)> is_old;
  /// `totals` (empty: there are none yet) with the records in them.
  std::function<Result<std::string>(const std::string& totals, std::span<const LedgerRecord> records)> add;
};

/// Which of the records become totals: the old ones, and the oldest of the others beyond `most`; only final
/// ones, the oldest first.
std::vector<LedgerRecord> records_to_compact(std::vector<LedgerRecord> records, std::size_t most,
                                             const Compaction& compaction);

/// Durable. Thread-safe.
class Ledger {
 public:
  virtual ~Ledger() = default;
  /// Keeps the record; a second fold of the same incident changes nothing.
  virtual Result<void> fold(const LedgerRecord& record) = 0;
  /// Everything folded so far, by anybody.
  virtual Result<LedgerContents> load() = 0;
  /// Turns records into totals, each exactly once whatever fails or crashes. Returns those that are in the
  /// totals now. What an error left undone is for the next call.
  virtual Result<std::vector<LedgerRecord>> compact(const Compaction& compaction) = 0;
};

}  // namespace kintsugi::incidents
