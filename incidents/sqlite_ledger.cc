// SPDX-License-Identifier: Apache-2.0
#include "incidents/sqlite_ledger.h"

#include <utility>

#include "incidents/sqlite_connection.h"

namespace kintsugi::incidents {
namespace {

/// As many as in a cluster.
constexpr std::size_t kMostRecords = 24'000;

Result<void> read_records(SqliteConnection& connection, std::vector<LedgerRecord>& records) {
  auto statement = connection.prepare("SELECT uid, record FROM ledger_record");
  if (!statement) return fail(std::move(statement).error());
  for (;;) {
    const auto has_row = statement->next();
    if (!has_row) return fail(has_row.error());
    if (!*has_row) return {};
    // One record that somebody edited must not take the others with it.
    auto record = parse_ledger_record(statement->text(1));
    if (record && record->uid == statement->text(0)) records.push_back(std::move(*record));
  }
}

Result<void> read_totals(SqliteConnection& connection, std::vector<std::string>& totals) {
  auto statement = connection.prepare("SELECT totals FROM ledger_totals");
  if (!statement) return fail(std::move(statement).error());
  const auto has_row = statement->next();
  if (!has_row) return fail(has_row.error());
  if (*has_row) totals.push_back(statement->text(0));
  return {};
}

Result<void> erase_record(SqliteConnection& connection, const LedgerRecord& record) {
  const auto erased = connection.execute("DELETE FROM ledger_record WHERE uid = ?", {record.uid});
  if (!erased) return fail(erased.error());
  if (*erased == 1) return {};
  return fail(ErrorCode::kConflict, "a record of the ledger was removed meanwhile");
}

/// Writes `after` where there is still `before` (empty: nothing).
Result<void> replace_totals(SqliteConnection& connection, const std::string& before,
                            const std::string& after) {
  std::vector<std::string> present;
  if (auto read = read_totals(connection, present); !read) return read;
  if ((present.empty() ? "" : present.front()) != before) {
    return fail(ErrorCode::kConflict, "the totals of the ledger were changed meanwhile");
  }
  const auto written =
      connection.execute("INSERT OR REPLACE INTO ledger_totals (id, totals) VALUES (0, ?)", {after});
  if (!written) return fail(written.error());
  return {};
}

}  // namespace

SqliteLedger::SqliteLedger(SqliteDatabase& database) : database_(database) {}

Result<void> SqliteLedger::fold(const LedgerRecord& record) {
  if (record.uid.empty()) return fail(ErrorCode::kInvalidInput, "ledger record without uid");
  return database_.transact([&](SqliteConnection& connection) -> Result<void> {
    const auto kept =
        connection.execute("INSERT INTO ledger_record (uid, record) VALUES (?, ?) ON CONFLICT DO NOTHING",
                           {record.uid, to_text(record)});
    if (!kept) return fail(kept.error());
    return {};
  });
}

Result<LedgerContents> SqliteLedger::load() {
  LedgerContents contents;
  auto read = database_.transact([&](SqliteConnection& connection) -> Result<void> {
    if (auto records = read_records(connection, contents.records); !records) return records;
    return read_totals(connection, contents.totals);
  });
  if (!read) return fail(std::move(read).error());
  return contents;
}

Result<std::vector<LedgerRecord>> SqliteLedger::compact(const Compaction& compaction) {
  std::lock_guard lock(compacting_);
  auto contents = load();
  if (!contents) return fail(std::move(contents).error());
  std::vector<LedgerRecord> chosen =
      records_to_compact(std::move(contents->records), kMostRecords, compaction);
  if (chosen.empty()) return chosen;
  const std::string before = contents->totals.empty() ? "" : contents->totals.front();
  const auto after = compaction.add(before, chosen);
  if (!after) return fail(after.error());
  auto written = database_.transact([&](SqliteConnection& connection) -> Result<void> {
    for (const LedgerRecord& record : chosen) {
      if (auto erased = erase_record(connection, record); !erased) return erased;
    }
    return replace_totals(connection, before, *after);
  });
  if (!written) return fail(std::move(written).error());
  return chosen;
}

}  // namespace kintsugi::incidents
