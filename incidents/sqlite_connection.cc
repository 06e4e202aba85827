// SPDX-License-Identifier: Apache-2.0
#include "incidents/sqlite_connection.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cstring>

#include "base/escape.h"

namespace kintsugi::incidents {
namespace {

/// Of an extended result code of SQLite.
ErrorCode code_of(int extended) {
  if (extended == SQLITE_CONSTRAINT_PRIMARYKEY || extended == SQLITE_CONSTRAINT_UNIQUE) {
    return ErrorCode::kAlreadyExists;
  }
  switch (extended & 0xFF) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM: return ErrorCode::kUnavailable;
    case SQLITE_READONLY:
    case SQLITE_PERM: return ErrorCode::kForbidden;
    case SQLITE_CONSTRAINT: return ErrorCode::kInvalidInput;
    case SQLITE_TOOBIG: return ErrorCode::kTooLarge;
    default: return ErrorCode::kInternal;
  }
}

std::string_view advice_for(int extended) {
  switch (extended & 0xFF) {
    case SQLITE_FULL: return "free space on its file system, or raise the bound on the database's size";
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return "end the other program that uses the database";
    case SQLITE_IOERR: return "look at the disk and its file system";
    default: return "";
  }
}

/// The latest failure of the connection.
Error failure_of(sqlite3* handle) {
  const int extended = sqlite3_extended_errcode(handle);
  std::string message = escape(sqlite3_errmsg(handle));
  if (const int number = sqlite3_system_errno(handle); number != 0) {
    message += fmt::format(": {}", std::strerror(number));
  }
  const char* const path = sqlite3_db_filename(handle, "main");
  const int primary = extended & 0xFF;
  Error error = primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB
                    ? database_damaged(std::move(message))
                    : make_error(code_of(extended), std::move(message));
  if (error.advice.empty()) error.advice = advice_for(extended);
  return std::move(error).on(path == nullptr ? "" : path);
}

int bind(sqlite3_stmt* statement, int index, const SqliteValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return sqlite3_bind_int64(statement, index, *integer);
  }
  const std::string_view text = std::get<std::string_view>(value);
  // A null pointer would be NULL, not the empty text.
  return sqlite3_bind_text64(statement, index, text.data() == nullptr ? "" : text.data(), text.size(),
                             SQLITE_TRANSIENT, SQLITE_UTF8);
}

}  // namespace

Error database_damaged(std::string message) {
  return make_error(ErrorCode::kInvalidInput, "the database is damaged: " + std::move(message))
      .advise(
          "stop the program, move the file and those that end in -wal and -shm away, and put a backup in its "
          "place")
      .because("DatabaseDamaged");
}

void SqliteStatement::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Result<bool> SqliteStatement::next() {
  const int stepped = sqlite3_step(statement_.get());
  if (stepped == SQLITE_ROW) return true;
  if (stepped == SQLITE_DONE) return false;
  return fail(failure_of(sqlite3_db_handle(statement_.get())));
}

std::int64_t SqliteStatement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string SqliteStatement::text(int column) const {
  const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return {};
  return {text, std::size_t(sqlite3_column_bytes(statement_.get(), column))};
}

void SqliteConnection::Closer::operator()(sqlite3* handle) const {
  sqlite3_close_v2(handle);
}

Result<SqliteConnection> SqliteConnection::open(const std::string& path, Access access) {
  sqlite3* handle = nullptr;
  const int flags = access == Access::kRead ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  const int opened = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  if (handle == nullptr) return fail(make_error(ErrorCode::kUnavailable, "no memory to open it").on(path));
  SqliteConnection connection(handle);
  if (opened != SQLITE_OK) return fail(failure_of(handle).on(path));
  sqlite3_extended_result_codes(handle, 1);
  // A file that somebody prepared can hold views and triggers: they get no functions, and cannot write to the
  // schema.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return connection;
}

Result<SqliteStatement> SqliteConnection::prepare(std::string_view sql,
                                                  std::initializer_list<SqliteValue> values) {
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v2(handle_.get(), sql.data(), int(sql.size()), &prepared, nullptr) != SQLITE_OK) {
    return fail(failure_of(handle_.get()));
  }
  SqliteStatement statement(prepared);
  int index = 0;
  for (const SqliteValue& value : values) {
    if (bind(prepared, ++index, value) != SQLITE_OK) return fail(failure_of(handle_.get()));
  }
  return statement;
}

Result<std::int64_t> SqliteConnection::execute(std::string_view sql,
                                               std::initializer_list<SqliteValue> values) {
  auto statement = prepare(sql, values);
  if (!statement) return fail(std::move(statement).error());
  for (;;) {
    const auto more = statement->next();
    if (!more) return fail(more.error());
    if (!*more) return sqlite3_changes64(handle_.get());
  }
}

Result<std::int64_t> SqliteConnection::integer(std::string_view sql,
                                               std::initializer_list<SqliteValue> values) {
  auto statement = prepare(sql, values);
  if (!statement) return fail(std::move(statement).error());
  const auto has_row = statement->next();
  if (!has_row) return fail(has_row.error());
  if (!*has_row)
    return fail(database_damaged("a row is missing").on(sqlite3_db_filename(handle_.get(), "main")));
  return statement->integer(0);
}

Result<void> SqliteConnection::execute_all(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return fail(failure_of(handle_.get()));
}

Result<void> SqliteConnection::transact(const std::function<Result<void>()>& work) {
  if (auto begun = execute("BEGIN IMMEDIATE"); !begun) return fail(std::move(begun).error());
  struct Rollback {
    ~Rollback() {
      // Some failures have ended the transaction already.
      if (sqlite3_get_autocommit(handle) == 0) sqlite3_exec(handle, "ROLLBACK", nullptr, nullptr, nullptr);
    }
    sqlite3* handle;
  } const rollback{handle_.get()};
  if (auto worked = work(); !worked) return worked;
  auto committed = execute("COMMIT");
  if (committed) return {};
  committed.error().outcome_unknown = true;
  return fail(std::move(committed).error());
}

void SqliteConnection::wait_for_locks(int milliseconds) {
  sqlite3_busy_timeout(handle_.get(), milliseconds);
}

void SqliteConnection::checkpoint_when_closed(bool wanted) {
  sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, wanted ? 0 : 1, nullptr);
}

}  // namespace kintsugi::incidents
