// SPDX-License-Identifier: Apache-2.0
//
// One SQLite file for what a cluster would keep: incidents (sqlite_store.h) and ledger (sqlite_ledger.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace kintsugi::incidents {

class SqliteConnection;

struct SqliteOptions {
  /// How long a write waits for another program (sqlite3, a backup) that has the file locked.
  std::chrono::milliseconds busy_timeout{5000};
  /// Of the file. What would make it larger fails as on a full disk.
  std::int64_t max_bytes = std::int64_t(4) << 30;
};

/// An open database: a file of SQLite 3, held by this process alone until this object is gone. Thread-safe.
///
/// Beside `path` there are `path.lock`, which stays for ever, and while it is open, or after a crash,
/// `path-wal` and `path-shm`, which belong to the file: who moves one moves all. To restore a backup: stop
/// the program, move these three away, copy the backup to `path`, start.
class SqliteDatabase {
 public:
  /// Opens the file, or makes it with mode 0600 where there is none; a crash meanwhile leaves none. Reads all
  /// of it once, to see that it is whole. A schema of an older version is brought to the present one.
  ///
  /// Errors, none of which changes the file: kUnavailable where another process has it open; kForbidden where
  /// others may write to it or to its directory; kNotFound without a directory; kUnsupported for a newer
  /// version; kInvalidInput for a directory, another program's database, or one that is damaged (reason
  /// "DatabaseDamaged"): that one is never replaced.
  static Result<std::unique_ptr<SqliteDatabase>> open(const std::string& path,
                                                      const SqliteOptions& options = {});
  ~SqliteDatabase();

  /// Writes a copy as of this moment to `path`, with mode 0600; others may read and write meanwhile. It is
  /// complete and on the disk when this returns, and after a crash it is complete or not there, but for a
  /// part named `path.` and six letters. Neither replaces nor removes anything else: kAlreadyExists.
  Result<void> backup(const std::string& path);

  /// Runs `work` as one transaction, one at a time; it must not call back. It is on the disk when this
  /// returns, and where this fails nothing of it remains, but for a failure with `outcome_unknown`, after
  /// which a crash may bring it back. For this folder.
  Result<void> transact(const std::function<Result<void>(SqliteConnection& connection)>& work);

 private:
  struct Impl;
  explicit SqliteDatabase(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace kintsugi::incidents
