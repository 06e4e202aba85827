// SPDX-License-Identifier: Apache-2.0
#include "controller/remembered_ledger.h"

#include <utility>

namespace kintsugi::controller {
namespace {

metrics::IncidentRecord measured(const incidents::LedgerRecord& record) {
  metrics::IncidentRecord out;
  out.uid = record.uid;
  out.source = record.source;
  out.severity = record.severity;
  out.first_severity = record.first_severity;
  out.outcome = record.outcome;
  out.times = record.times;
  out.time_was_clamped = record.time_was_clamped;
  return out;
}

}  // namespace

Result<void> RememberedLedger::fold(const incidents::LedgerRecord& record) {
  if (auto folded = durable_.fold(record); !folded) return folded;
  std::lock_guard lock(mutex_);
  remembered_.insert_or_assign(record.uid, record);
  return {};
}

Result<std::vector<incidents::LedgerRecord>> RememberedLedger::load() {
  auto loaded = durable_.load();
  if (!loaded) return loaded;
  std::lock_guard lock(mutex_);
  for (const incidents::LedgerRecord& record : *loaded) remembered_.insert_or_assign(record.uid, record);
  loaded_ = true;
  return loaded;
}

std::optional<std::vector<metrics::IncidentRecord>> RememberedLedger::records(
    const incidents::IncidentStore& store) const {
  std::vector<metrics::IncidentRecord> existing;
  for (const auto& incident : store.list()) {
    existing.push_back(measured(incidents::record_of(*incident)));
    existing.back().stage = stage_of(*incident);
  }
  std::vector<metrics::IncidentRecord> folded;
  {
    std::lock_guard lock(mutex_);
    if (!loaded_) return std::nullopt;
    for (const auto& [uid, record] : remembered_) folded.push_back(measured(record));
  }
  return metrics::merge_records(std::move(existing), std::move(folded));
}

}  // namespace kintsugi::controller
