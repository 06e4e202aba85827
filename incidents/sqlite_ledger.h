// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>

#include "incidents/ledger.h"
#include "incidents/sqlite_database.h"

namespace kintsugi::incidents {

/// The ledger in a SQLite database, in two tables: one row an incident, by its UID, and one text of totals.
/// 24,000 records are kept one by one. Each write is on the disk when the call returns.
///
/// Errors of all functions: kUnavailable (retryable) for a full disk, an I/O failure or a file that is
/// locked, kForbidden for a file that cannot be written, kInvalidInput with the reason "DatabaseDamaged".
class SqliteLedger final : public Ledger {
 public:
  /// `database` must outlive this object.
  explicit SqliteLedger(SqliteDatabase& database);

  /// kInvalidInput without a UID.
  Result<void> fold(const LedgerRecord& record) override;
  /// A record that cannot be read, because somebody edited it, is left out.
  Result<LedgerContents> load() override;
  /// The functions of `compaction` are called without a lock of the database: they may use it. kConflict
  /// where somebody edited the tables meanwhile: then nothing was changed.
  Result<std::vector<LedgerRecord>> compact(const Compaction& compaction) override;

 private:
  SqliteDatabase& database_;
  std::mutex compacting_;
};

}  // namespace kintsugi::incidents
