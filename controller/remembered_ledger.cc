// SPDX-License-Identifier: Apache-2.0
#include "controller/remembered_ledger.h"

#include <algorithm>
#include <set>
#include <utility>

namespace kintsugi::controller {
namespace {

/// The longest window of the metrics, and a day for clocks and scrapes.
constexpr std::chrono::days kKeptOneByOne{91};
/// With so many the durable ledger may be about to be full, whatever their age.
constexpr std::size_t kCrowded = 16'000;

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

std::vector<metrics::IncidentRecord> measured(std::span<const incidents::LedgerRecord> records) {
  std::vector<metrics::IncidentRecord> out;
  for (const incidents::LedgerRecord& record : records) out.push_back(measured(record));
  return out;
}

bool is_old(const incidents::LedgerRecord& record, WallTime now) {
  const auto end = record.times.closed ? record.times.closed : record.times.detected;
  return end.value_or(WallTime()) + kKeptOneByOne < now;
}

}  // namespace

Result<void> RememberedLedger::fold(const incidents::LedgerRecord& record) {
  if (auto folded = durable_.fold(record); !folded) return folded;
  std::lock_guard lock(mutex_);
  remembered_.insert_or_assign(record.uid, record);
  return {};
}

Result<incidents::LedgerContents> RememberedLedger::load() {
  auto loaded = durable_.load();
  if (!loaded) return loaded;
  metrics::RecoveryTotals totals;
  for (const std::string& text : loaded->totals) {
    auto read = metrics::RecoveryTotals::parse(text);
    if (!read) {
      return fail(std::move(read).error().advise(
          "the key `totals` of a ConfigMap kintsugi-ledger-* was edited: restore it, or remove it and lose "
          "what it counted"));
    }
    totals.add(*read);
  }
  std::lock_guard lock(mutex_);
  for (const incidents::LedgerRecord& record : loaded->records)
    remembered_.insert_or_assign(record.uid, record);
  totals_ = std::move(totals);
  loaded_ = true;
  return loaded;
}

Result<std::vector<incidents::LedgerRecord>> RememberedLedger::compact(
    const incidents::Compaction& compaction) {
  auto compacted = durable_.compact(compaction);
  if (!compacted) return compacted;
  std::lock_guard lock(mutex_);
  for (const incidents::LedgerRecord& record : *compacted) remembered_.erase(record.uid);
  totals_.add(measured(*compacted), objectives_);
  return compacted;
}

Result<std::size_t> RememberedLedger::compact_old(const incidents::IncidentStore& store, WallTime now) {
  if (!is_worth_compacting(now)) return 0;
  std::set<std::string> existing;
  for (const auto& incident : store.list()) existing.insert(incident->uid);
  incidents::Compaction compaction;
  compaction.is_final = [&](const incidents::LedgerRecord& record) { return !existing.contains(record.uid); };
  compaction.is_old = [&](const incidents::LedgerRecord& record) { return is_old(record, now); };
  compaction.add = [&](const std::string& text,
                       std::span<const incidents::LedgerRecord> records) -> Result<std::string> {
    auto totals = metrics::RecoveryTotals::parse(text);
    if (!totals) return tl::unexpected(std::move(totals).error());
    totals->add(measured(records), objectives_);
    return totals->to_text();
  };
  return compact(compaction).map([](const auto& records) { return records.size(); });
}

bool RememberedLedger::is_worth_compacting(WallTime now) const {
  std::lock_guard lock(mutex_);
  if (!loaded_) return false;
  return remembered_.size() > kCrowded ||
         std::any_of(remembered_.begin(), remembered_.end(),
                     [&](const auto& entry) { return is_old(entry.second, now); });
}

bool RememberedLedger::is_loaded() const {
  std::lock_guard lock(mutex_);
  return loaded_;
}

std::optional<metrics::RecoveryHistory> RememberedLedger::history(
    const incidents::IncidentStore& store) const {
  // The incidents first: one that is folded in between is then in both, and counted once; the other way round
  // it could be in neither.
  std::vector<metrics::IncidentRecord> existing;
  for (const auto& incident : store.list()) {
    existing.push_back(measured(incidents::record_of(*incident)));
    existing.back().stage = stage_of(*incident);
    existing.back().is_uncontained = is_uncontained(*incident);
  }
  metrics::RecoveryHistory history;
  std::vector<metrics::IncidentRecord> folded;
  {
    std::lock_guard lock(mutex_);
    if (!loaded_) return std::nullopt;
    for (const auto& [uid, record] : remembered_) folded.push_back(measured(record));
    history.totals = totals_;
  }
  history.records = metrics::merge_records(std::move(existing), std::move(folded));
  return history;
}

}  // namespace kintsugi::controller
