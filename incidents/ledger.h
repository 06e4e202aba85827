// SPDX-License-Identifier: Apache-2.0
//
// What remains of incidents when they are deleted: small records from which the recovery metrics stay
// complete.
#pragma once

#include <string>
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

/// Durable, append-only. Thread-safe.
class Ledger {
 public:
  virtual ~Ledger() = default;
  /// Keeps the record; a second fold of the same incident changes nothing.
  virtual Result<void> fold(const LedgerRecord& record) = 0;
  /// Everything folded so far, by anybody, in no order.
  virtual Result<std::vector<LedgerRecord>> load() = 0;
};

}  // namespace kintsugi::incidents
