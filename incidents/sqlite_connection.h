// SPDX-License-Identifier: Apache-2.0
//
// libsqlite3 as values and Results. For the other sqlite files of this folder only.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace kintsugi::incidents {

/// What takes the place of a `?`. Text from outside reaches a statement in no other way.
using SqliteValue = std::variant<std::int64_t, std::string_view>;

/// The rows of one statement. Its connection must outlive it.
class SqliteStatement {
 public:
  /// Goes to the next row, at first to the first one; false: there is none.
  Result<bool> next();
  /// Of the row that next() went to; columns count from 0.
  std::int64_t integer(int column) const;
  std::string text(int column) const;

 private:
  friend class SqliteConnection;
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit SqliteStatement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
};

/// One connection to a database file. For one thread at a time.
///
/// Errors of all functions: kUnavailable for a full disk, an I/O failure or a lock that others hold (all
/// retryable), kForbidden for a file that cannot be written, kInvalidInput with the reason "DatabaseDamaged"
/// for damage and for what is no SQLite database, kAlreadyExists for a key that is there already, kTooLarge,
/// else kInternal.
class SqliteConnection {
 public:
  enum class Access : std::uint8_t { kRead, kWrite };
  /// `path` is absolute (SQLite would read "file:…" as a URI) and exists.
  static Result<SqliteConnection> open(const std::string& path, Access access);

  /// `sql` is text of the program, one statement.
  Result<SqliteStatement> prepare(std::string_view sql, std::initializer_list<SqliteValue> values = {});
  /// Runs one statement to its end. Returns how many rows it changed.
  Result<std::int64_t> execute(std::string_view sql, std::initializer_list<SqliteValue> values = {});
  /// The first column of the only row.
  Result<std::int64_t> integer(std::string_view sql, std::initializer_list<SqliteValue> values = {});
  /// Runs several statements.
  Result<void> execute_all(const char* sql);
  /// Runs `work` between BEGIN IMMEDIATE and COMMIT; where either fails, nothing of it remains. Where the
  /// COMMIT failed, a crash may yet bring it back: `outcome_unknown`.
  Result<void> transact(const std::function<Result<void>()>& work);

  void wait_for_locks(int milliseconds);
  /// Whether closing moves the log's content into the file, which is so at first.
  void checkpoint_when_closed(bool wanted);

 private:
  struct Closer {
    void operator()(sqlite3* handle) const;
  };
  explicit SqliteConnection(sqlite3* handle) : handle_(handle) {}

  std::unique_ptr<sqlite3, Closer> handle_;
};

/// "DatabaseDamaged", with what to do about it.
Error database_damaged(std::string message);

}  // namespace kintsugi::incidents
