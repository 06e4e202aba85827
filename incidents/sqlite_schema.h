// SPDX-License-Identifier: Apache-2.0
//
// What is in a database, and which databases are ours. For the other sqlite files of this folder only.
#pragma once

#include <span>

#include "incidents/sqlite_connection.h"

namespace kintsugi::incidents {

/// Statements that lead from each version of the schema (`PRAGMA user_version`) to the next, the first from
/// nothing to version 1. Those of a release are never changed.
std::span<const char* const> schema_migrations();

/// Makes an empty database one of ours, of the present version.
Result<void> make_schema(SqliteConnection& connection);

/// Fails where this is another program's database (kInvalidInput), or of a newer version (kUnsupported) than
/// `migrations` lead to. Changes nothing.
Result<void> recognise_schema(SqliteConnection& connection, std::span<const char* const> migrations);

/// Reads the whole database. Errors: "DatabaseDamaged".
Result<void> check_integrity(SqliteConnection& connection);

/// Brings it to the version that `migrations` lead to, in one transaction.
Result<void> migrate_schema(SqliteConnection& connection, std::span<const char* const> migrations);

}  // namespace kintsugi::incidents
