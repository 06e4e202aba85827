// SPDX-License-Identifier: Apache-2.0
#include "incidents/ledger.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/document.h"
#include "base/json_text.h"
#include "base/node_text.h"
#include "base/time.h"

namespace kintsugi::incidents {
namespace {

using nlohmann::json;

using Stamp = std::optional<WallTime> IncidentTimes::*;
constexpr std::pair<const char*, Stamp> kStamps[] = {
    {"start", &IncidentTimes::compromise_start},      {"detected", &IncidentTimes::detected},
    {"acknowledged", &IncidentTimes::acknowledged},   {"contained", &IncidentTimes::contained},
    {"evidence", &IncidentTimes::evidence_preserved}, {"redeployed", &IncidentTimes::redeployed},
    {"recovered", &IncidentTimes::recovered},         {"closed", &IncidentTimes::closed}};

}  // namespace

LedgerRecord record_of(const Incident& incident) {
  return {incident.uid,
          incident.name,
          incident.spec.target.name_space,
          incident.spec.origin.source,
          incident.status.severity,
          incident.spec.origin.severity,
          incident.status.outcome,
          incident.status.times,
          incident.spec.origin.time_was_clamped};
}

std::string to_text(const LedgerRecord& record) {
  json out = {{"uid", record.uid},
              {"name", record.name},
              {"namespace", record.name_space},
              {"source", record.source},
              {"severity", to_string(record.severity)},
              {"firstSeverity", to_string(record.first_severity)},
              {"outcome", to_string(record.outcome)}};
  for (const auto& [key, stamp] : kStamps) {
    if (const auto& time = record.times.*stamp) out[key] = format_micros(*time);
  }
  if (record.time_was_clamped) out["clamped"] = true;
  return json_text(out);
}

Result<LedgerRecord> parse_ledger_record(std::string_view text) {
  const auto root = parse_json_document(text);
  if (!root) return tl::unexpected(root.error());
  LedgerRecord record;
  record.uid = text_of(*root, "uid");
  record.name = text_of(*root, "name");
  record.name_space = text_of(*root, "namespace");
  record.source = text_of(*root, "source");
  const auto severity = parse_severity(text_of(*root, "severity"));
  if (record.uid.empty() || !severity)
    return fail(ErrorCode::kInvalidInput, "ledger record without uid or severity");
  record.severity = *severity;
  record.first_severity = parse_severity(text_of(*root, "firstSeverity")).value_or(*severity);
  const std::string outcome = text_of(*root, "outcome");
  for (const Outcome candidate : kOutcomes) {
    if (to_string(candidate) == outcome) record.outcome = candidate;
  }
  for (const auto& [key, stamp] : kStamps) {
    const std::string time = text_of(*root, key);
    if (time.empty()) continue;
    const auto parsed = parse_rfc3339(time);
    if (!parsed) return fail(ErrorCode::kInvalidInput, "ledger record with a malformed time");
    record.times.*stamp = *parsed;
  }
  const Node* const clamped = root->find("clamped");
  record.time_was_clamped = clamped != nullptr && clamped->boolean;
  return record;
}

std::vector<LedgerRecord> records_to_compact(std::vector<LedgerRecord> records, std::size_t most,
                                             const Compaction& compaction) {
  const auto age = [](const LedgerRecord& record) {
    return record.times.closed.value_or(record.times.detected.value_or(WallTime()));
  };
  std::sort(records.begin(), records.end(),
            [&](const LedgerRecord& a, const LedgerRecord& b) { return age(a) < age(b); });
  std::size_t excess = records.size() > most ? records.size() - most : 0;
  std::vector<LedgerRecord> chosen;
  for (LedgerRecord& record : records) {
    const bool is_wanted = compaction.is_old(record) || excess > 0;
    if (!is_wanted || !compaction.is_final(record)) continue;
    chosen.push_back(std::move(record));
    if (excess > 0) --excess;
  }
  return chosen;
}

}  // namespace kintsugi::incidents
