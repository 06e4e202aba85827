// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "incidents/ledger.h"
#include "incidents/store.h"
#include "metrics/record.h"

namespace kintsugi::controller {

/// A ledger whose records are also in memory once they have been loaded: what the leader measures recovery
/// from. Thread-safe.
class RememberedLedger final : public incidents::Ledger {
 public:
  /// `durable` must outlive this object.
  explicit RememberedLedger(incidents::Ledger& durable) : durable_(durable) {}

  Result<void> fold(const incidents::LedgerRecord& record) override;
  Result<std::vector<incidents::LedgerRecord>> load() override;

  /// Every incident that exists or was folded, once; nothing before load() has succeeded.
  std::optional<std::vector<metrics::IncidentRecord>> records(const incidents::IncidentStore& store) const;

 private:
  incidents::Ledger& durable_;
  mutable std::mutex mutex_;
  bool loaded_ = false;                                        ///< guarded
  std::map<std::string, incidents::LedgerRecord> remembered_;  ///< guarded; by incident UID
};

}  // namespace kintsugi::controller
