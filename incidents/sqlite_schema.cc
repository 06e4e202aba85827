// SPDX-License-Identifier: Apache-2.0
#include "incidents/sqlite_schema.h"

#include <fmt/format.h>

#include "base/escape.h"

namespace kintsugi::incidents {
namespace {

/// "Kint"
constexpr std::int64_t kApplicationId = 0x4B696E74;

/// The columns for target, owner and namespace repeat what is in the spec, for people who look with sqlite3.
constexpr const char* kMigrations[] = {
    R"(CREATE TABLE incident (
         name TEXT NOT NULL PRIMARY KEY,
         namespace TEXT NOT NULL,
         uid TEXT NOT NULL,
         target_uid TEXT NOT NULL,
         owner_uid TEXT NOT NULL,
         target_namespace TEXT NOT NULL,
         resource_version INTEGER NOT NULL,
         generation INTEGER NOT NULL,
         created INTEGER NOT NULL CHECK (created BETWEEN 0 AND 9000000000000000),  -- microseconds since 1970
         being_deleted INTEGER NOT NULL CHECK (being_deleted IN (0, 1)),
         has_ledger_finalizer INTEGER NOT NULL CHECK (has_ledger_finalizer IN (0, 1)),
         spec TEXT NOT NULL,
         status TEXT NOT NULL
       ) STRICT;
       CREATE TABLE latest_resource_version (
         id INTEGER NOT NULL PRIMARY KEY CHECK (id = 0),
         value INTEGER NOT NULL
       ) STRICT;
       INSERT INTO latest_resource_version VALUES (0, 0);
       CREATE TABLE ledger_record (uid TEXT NOT NULL PRIMARY KEY, record TEXT NOT NULL) STRICT;
       CREATE TABLE ledger_totals (
         id INTEGER NOT NULL PRIMARY KEY CHECK (id = 0),
         totals TEXT NOT NULL
       ) STRICT;)",
};

}  // namespace

std::span<const char* const> schema_migrations() {
  return kMigrations;
}

Result<void> make_schema(SqliteConnection& connection) {
  auto named = connection.execute(fmt::format("PRAGMA application_id = {}", kApplicationId));
  if (!named) return fail(std::move(named).error());
  return migrate_schema(connection, kMigrations);
}

Result<void> recognise_schema(SqliteConnection& connection, std::span<const char* const> migrations) {
  const auto application = connection.integer("PRAGMA application_id");
  if (!application) return fail(application.error());
  if (*application != kApplicationId) {
    return fail(make_error(ErrorCode::kInvalidInput, "this is the SQLite database of another program")
                    .advise("name another file; one that does not exist is made"));
  }
  const auto version = connection.integer("PRAGMA user_version");
  if (!version) return fail(version.error());
  if (*version <= std::int64_t(migrations.size())) return {};
  return fail(make_error(ErrorCode::kUnsupported,
                         fmt::format("its schema has version {}, and this program knows up to {}", *version,
                                     migrations.size()))
                  .advise("use the newer release that wrote it, or a backup from before"));
}

Result<void> check_integrity(SqliteConnection& connection) {
  auto report = connection.prepare("PRAGMA integrity_check(1)");
  if (!report) return fail(std::move(report).error());
  const auto has_row = report->next();
  if (!has_row) return fail(has_row.error());
  const std::string finding = *has_row ? report->text(0) : "no answer";
  if (finding == "ok") return {};
  return fail(database_damaged(escape(finding)));
}

Result<void> migrate_schema(SqliteConnection& connection, std::span<const char* const> migrations) {
  const auto version = connection.integer("PRAGMA user_version");
  if (!version) return fail(version.error());
  if (*version < 0) return fail(database_damaged(fmt::format("its schema has version {}", *version)));
  if (std::size_t(*version) >= migrations.size()) return {};
  return connection.transact([&]() -> Result<void> {
    for (const char* const migration : migrations.subspan(std::size_t(*version))) {
      if (auto migrated = connection.execute_all(migration); !migrated) return migrated;
    }
    auto numbered = connection.execute(fmt::format("PRAGMA user_version = {}", migrations.size()));
    if (!numbered) return fail(std::move(numbered).error());
    return {};
  });
}

}  // namespace kintsugi::incidents
