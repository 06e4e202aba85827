// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "incidents/ledger.h"
#include "incidents/store.h"
#include "metrics/exposition.h"

namespace kintsugi::controller {

/// A ledger whose contents are also in memory once they have been loaded: what the leader measures recovery
/// from. Thread-safe.
class RememberedLedger final : public incidents::Ledger {
 public:
  /// `durable` must outlive this object.
  RememberedLedger(incidents::Ledger& durable, const metrics::Objectives& objectives)
      : durable_(durable), objectives_(objectives) {}

  Result<void> fold(const incidents::LedgerRecord& record) override;
  Result<incidents::LedgerContents> load() override;
  Result<std::vector<incidents::LedgerRecord>> compact(const incidents::Compaction& compaction) override;

  /// Turns what no window of the metrics needs any more into totals. Asks nothing of the durable ledger where
  /// there is nothing to do. Returns how many records that were.
  Result<std::size_t> compact_old(const incidents::IncidentStore& store, WallTime now);

  bool is_loaded() const;
  /// Every incident that exists or was folded, once; nothing before load() has succeeded.
  std::optional<metrics::RecoveryHistory> history(const incidents::IncidentStore& store) const;

 private:
  bool is_worth_compacting(WallTime now) const;

  incidents::Ledger& durable_;
  const metrics::Objectives objectives_;
  mutable std::mutex mutex_;
  bool loaded_ = false;                                        ///< guarded
  std::map<std::string, incidents::LedgerRecord> remembered_;  ///< guarded; by incident UID
  metrics::RecoveryTotals totals_;                             ///< guarded
};

}  // namespace kintsugi::controller
