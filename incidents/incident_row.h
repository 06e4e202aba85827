// SPDX-License-Identifier: Apache-2.0
//
// An incident as a row of the table `incident`. For the other sqlite files of this folder only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "incidents/sqlite_connection.h"
#include "model/incident.h"

namespace kintsugi::incidents {

struct IncidentRow {
  std::string name;
  std::string name_space;
  std::string uid;
  std::int64_t resource_version = 0;
  std::int64_t generation = 0;
  std::int64_t created_micros = 0;
  bool being_deleted = false;
  bool has_ledger_finalizer = false;
  std::string spec;    ///< JSON
  std::string status;  ///< JSON

  bool operator==(const IncidentRow&) const = default;
};

/// What cannot be read becomes an incident with `problem`.
Incident to_incident(const IncidentRow& row);

/// As JSON; invalid UTF-8 becomes U+FFFD: an incident is not lost for a byte.
std::string spec_text(const Incident& incident);
std::string status_text(const Incident& incident);

Result<std::vector<IncidentRow>> all_rows(SqliteConnection& connection);
Result<std::optional<IncidentRow>> find_row(SqliteConnection& connection, const std::string& name);
/// Errors: kAlreadyExists. `incident` is what the row holds.
Result<void> insert_row(SqliteConnection& connection, const IncidentRow& row, const Incident& incident);
/// Writes what of a row can change.
Result<void> update_row(SqliteConnection& connection, const IncidentRow& row);
Result<void> delete_row(SqliteConnection& connection, const std::string& name);
/// Higher than any that this database ever gave.
Result<std::int64_t> next_resource_version(SqliteConnection& connection);

}  // namespace kintsugi::incidents
