// SPDX-License-Identifier: Apache-2.0
#include "incidents/incident_row.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/json_text.h"
#include "base/time.h"
#include "model/incident_json.h"

namespace kintsugi::incidents {
namespace {

using nlohmann::json;

/// Of spec or status, as for what comes from an API server.
constexpr DocumentLimits kTextLimits{3u << 20, 64, 200'000};

constexpr const char* kSelect =
    "SELECT name, namespace, uid, resource_version, generation, created, being_deleted, has_ledger_finalizer,"
    " spec, status FROM incident";

IncidentRow read_row(const SqliteStatement& statement) {
  IncidentRow row;
  row.name = statement.text(0);
  row.name_space = statement.text(1);
  row.uid = statement.text(2);
  row.resource_version = statement.integer(3);
  row.generation = statement.integer(4);
  row.created_micros = statement.integer(5);
  row.being_deleted = statement.integer(6) != 0;
  row.has_ledger_finalizer = statement.integer(7) != 0;
  row.spec = statement.text(8);
  row.status = statement.text(9);
  return row;
}

/// A text in place of what is no JSON, so that the reader says which of the two is wrong.
json parse(const std::string& text) {
  auto parsed = parse_json(text, kTextLimits);
  return parsed ? std::move(*parsed) : json("unreadable");
}

std::string dump(const json& value) {
  return json_text(value);
}

Result<void> done(Result<std::int64_t> executed) {
  if (!executed) return fail(std::move(executed).error());
  return {};
}

}  // namespace

Incident to_incident(const IncidentRow& row) {
  const std::string created = format_micros(WallTime(std::chrono::microseconds(row.created_micros)));
  json metadata = {{"name", row.name},
                   {"namespace", row.name_space},
                   {"uid", row.uid},
                   {"resourceVersion", std::to_string(row.resource_version)},
                   {"generation", row.generation},
                   {"creationTimestamp", created}};
  if (row.being_deleted) metadata["deletionTimestamp"] = created;  // its presence counts
  if (row.has_ledger_finalizer) metadata["finalizers"] = json::array({kLedgerFinalizer});
  return stored_incident_from_json(
      {{"metadata", std::move(metadata)}, {"spec", parse(row.spec)}, {"status", parse(row.status)}});
}

std::string spec_text(const Incident& incident) {
  return dump(to_json(incident).at("spec"));
}

std::string status_text(const Incident& incident) {
  return dump(status_to_json(incident));
}

Result<std::vector<IncidentRow>> all_rows(SqliteConnection& connection) {
  auto statement = connection.prepare(kSelect);
  if (!statement) return fail(std::move(statement).error());
  std::vector<IncidentRow> rows;
  for (;;) {
    const auto has_row = statement->next();
    if (!has_row) return fail(has_row.error());
    if (!*has_row) return rows;
    rows.push_back(read_row(*statement));
  }
}

Result<std::optional<IncidentRow>> find_row(SqliteConnection& connection, const std::string& name) {
  auto statement = connection.prepare(fmt::format("{} WHERE name = ?", kSelect), {name});
  if (!statement) return fail(std::move(statement).error());
  const auto has_row = statement->next();
  if (!has_row) return fail(has_row.error());
  return *has_row ? std::optional(read_row(*statement)) : std::nullopt;
}

Result<void> insert_row(SqliteConnection& connection, const IncidentRow& row, const Incident& incident) {
  return done(connection.execute(
      "INSERT INTO incident (name, namespace, uid, target_uid, owner_uid, target_namespace, resource_version,"
      " generation, created, being_deleted, has_ledger_finalizer, spec, status)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {row.name, row.name_space, row.uid, incident.spec.target.uid, incident.spec.owner.uid,
       incident.spec.target.name_space, row.resource_version, row.generation, row.created_micros,
       std::int64_t(row.being_deleted), std::int64_t(row.has_ledger_finalizer), row.spec, row.status}));
}

Result<void> update_row(SqliteConnection& connection, const IncidentRow& row) {
  return done(connection.execute(
      "UPDATE incident SET resource_version = ?, generation = ?, being_deleted = ?, has_ledger_finalizer = ?,"
      " spec = ?, status = ? WHERE name = ?",
      {row.resource_version, row.generation, std::int64_t(row.being_deleted),
       std::int64_t(row.has_ledger_finalizer), row.spec, row.status, row.name}));
}

Result<void> delete_row(SqliteConnection& connection, const std::string& name) {
  return done(connection.execute("DELETE FROM incident WHERE name = ?", {name}));
}

Result<std::int64_t> next_resource_version(SqliteConnection& connection) {
  return connection.integer("UPDATE latest_resource_version SET value = value + 1 RETURNING value");
}

}  // namespace kintsugi::incidents
