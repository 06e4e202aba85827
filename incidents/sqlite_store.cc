// SPDX-License-Identifier: Apache-2.0
#include "incidents/sqlite_store.h"

#include <mutex>
#include <shared_mutex>

#include "base/encoding.h"
#include "base/escape.h"
#include "base/kubernetes_name.h"
#include "base/random_uuid.h"
#include "incidents/decisions.h"
#include "incidents/incident_index.h"
#include "incidents/incident_row.h"

namespace kintsugi::incidents {
namespace {

/// As much as the API server takes in one request.
constexpr std::size_t kMaxIncidentBytes = 3u << 20;

/// What an edit made of a row.
enum class Outcome : std::uint8_t { kKept, kErased };
using Edit = std::function<Result<Outcome>(IncidentRow& row)>;

tl::unexpected<Error> about(const std::string& name, ErrorCode code, std::string message) {
  return fail(make_error(code, std::move(message)).on("incident " + escape(name)));
}

Result<IncidentRow> new_row(const Incident& incident, const Clock& clock) {
  if (!is_dns_subdomain(incident.name)) {
    return about(incident.name, ErrorCode::kInvalidInput, "is not the name of an object");
  }
  auto uid = random_uuid();
  if (!uid) return fail(std::move(uid).error());
  IncidentRow row;
  row.name = incident.name;
  row.name_space = incident.name_space;
  row.uid = std::move(*uid);
  row.generation = 1;
  row.created_micros = std::chrono::floor<std::chrono::microseconds>(clock.now().time_since_epoch()).count();
  row.has_ledger_finalizer = true;
  row.spec = spec_text(incident);
  row.status = "{}";
  return row;
}

Result<void> check_precondition(const IncidentRow& row, const Incident& incident) {
  if (row.uid != incident.uid) return about(row.name, ErrorCode::kConflict, "is another one of that name");
  if (std::to_string(row.resource_version) == incident.resource_version) return {};
  return about(row.name, ErrorCode::kConflict, "was changed meanwhile");
}

/// Nothing is written that could not be read: but what was unreadable before may get its status.
Result<IncidentStore::Pointer> readable(const IncidentRow& row, bool was_readable) {
  if (row.spec.size() + row.status.size() > kMaxIncidentBytes) {
    return about(row.name, ErrorCode::kTooLarge, "is larger than 3 MiB");
  }
  auto incident = std::make_shared<const Incident>(to_incident(row));
  if (was_readable && !incident->problem.empty()) {
    return about(row.name, ErrorCode::kInvalidInput, incident->problem);
  }
  return incident;
}

}  // namespace

struct SqliteIncidentStore::Impl {
  Impl(SqliteDatabase& where, const Clock& time) : database(where), clock(time) {}

  Result<void> load() {
    return database.transact([this](SqliteConnection& connection) -> Result<void> {
      auto rows = all_rows(connection);
      if (!rows) return fail(std::move(rows).error());
      for (const IncidentRow& row : *rows) index.put(std::make_shared<const Incident>(to_incident(row)));
      return {};
    });
  }

  /// Edits one row. Writes it with a new resource version where it became another. Returns the incident as it
  /// is then; nullptr: gone. Errors: kNotFound, and those of `edit`.
  Result<Pointer> change(const std::string& name, const Edit& edit) {
    Pointer now;
    bool is_changed = false;
    {
      std::lock_guard lock(writing);
      auto written = database.transact([&](SqliteConnection& connection) -> Result<void> {
        auto stored = find_row(connection, name);
        if (!stored) return fail(std::move(stored).error());
        if (!*stored) return about(name, ErrorCode::kNotFound, "there is no such incident");
        auto edited = apply(connection, **stored, edit, is_changed);
        if (!edited) return fail(std::move(edited).error());
        now = std::move(*edited);
        return {};
      });
      if (!written) return fail(std::move(written).error());
      if (is_changed) remember(name, now);
    }
    if (is_changed) announce(name);
    return now;
  }

  /// Of change(): within its transaction.
  static Result<Pointer> apply(SqliteConnection& connection, const IncidentRow& stored, const Edit& edit,
                               bool& is_changed) {
    IncidentRow row = stored;
    const auto outcome = edit(row);
    if (!outcome) return fail(outcome.error());
    is_changed = *outcome == Outcome::kErased || row != stored;
    if (*outcome == Outcome::kErased) {
      if (auto erased = delete_row(connection, row.name); !erased) return fail(std::move(erased).error());
      return nullptr;
    }
    if (is_changed) {
      const auto version = next_resource_version(connection);
      if (!version) return fail(version.error());
      row.resource_version = *version;
      if (auto written = update_row(connection, row); !written) return fail(std::move(written).error());
    }
    return readable(row, is_changed && to_incident(stored).problem.empty());
  }

  void remember(const std::string& name, const Pointer& now) {
    std::unique_lock lock(reading);
    if (now == nullptr) {
      index.erase(name);
    } else {
      index.put(now);
    }
  }

  void announce(const std::string& name) const {
    for (const auto& changed : subscribers) changed(name);
  }

  SqliteDatabase& database;
  const Clock& clock;
  std::vector<std::function<void(const std::string&)>> subscribers;
  std::mutex writing;  ///< memory changes in the order of the transactions; taken before `reading`
  mutable std::shared_mutex reading;
  IncidentIndex index;  ///< guarded by `reading`
};

SqliteIncidentStore::SqliteIncidentStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SqliteIncidentStore::~SqliteIncidentStore() = default;

Result<std::unique_ptr<SqliteIncidentStore>> SqliteIncidentStore::open(SqliteDatabase& database,
                                                                       const Clock& clock) {
  auto impl = std::make_unique<Impl>(database, clock);
  if (auto loaded = impl->load(); !loaded) return fail(std::move(loaded).error());
  return std::unique_ptr<SqliteIncidentStore>(new SqliteIncidentStore(std::move(impl)));
}

Result<Incident> SqliteIncidentStore::create(const Incident& incident, std::chrono::milliseconds) {
  if (auto checked = check_decisions({}, incident.spec); !checked) return fail(std::move(checked).error());
  auto row = new_row(incident, impl_->clock);
  if (!row) return fail(std::move(row).error());
  Pointer made;
  {
    std::lock_guard lock(impl_->writing);
    auto written = impl_->database.transact([&](SqliteConnection& connection) -> Result<void> {
      const auto version = next_resource_version(connection);
      if (!version) return fail(version.error());
      row->resource_version = *version;
      auto readable_row = readable(*row, true);
      if (!readable_row) return fail(std::move(readable_row).error());
      made = std::move(*readable_row);
      return insert_row(connection, *row, *made);
    });
    if (!written && written.error().code == ErrorCode::kAlreadyExists) {
      return about(incident.name, ErrorCode::kAlreadyExists, "exists already");
    }
    if (!written) return fail(std::move(written).error());
    impl_->remember(row->name, made);
  }
  impl_->announce(row->name);
  return *made;
}

Result<Incident> SqliteIncidentStore::get(const std::string& name) {
  const Pointer stored = cached(name);
  if (stored == nullptr) return about(name, ErrorCode::kNotFound, "there is no such incident");
  return *stored;
}

Result<Incident> SqliteIncidentStore::update_status(const Incident& incident) {
  auto written = impl_->change(incident.name, [&](IncidentRow& row) -> Result<Outcome> {
    if (auto checked = check_precondition(row, incident); !checked) return fail(std::move(checked).error());
    row.status = status_text(incident);
    return Outcome::kKept;
  });
  if (!written) return fail(std::move(written).error());
  return **written;
}

Result<Incident> SqliteIncidentStore::update_decisions(const Incident& incident) {
  auto written = impl_->change(incident.name, [&](IncidentRow& row) -> Result<Outcome> {
    if (auto checked = check_precondition(row, incident); !checked) return fail(std::move(checked).error());
    Incident decided = to_incident(row);
    if (!decided.problem.empty()) return about(row.name, ErrorCode::kInvalidInput, decided.problem);
    if (auto checked = check_decisions(decided.spec, incident.spec); !checked) {
      return fail(std::move(checked).error().on("incident " + row.name));
    }
    decided.spec.hold = incident.spec.hold;
    decided.spec.approvals = incident.spec.approvals;
    decided.spec.release = incident.spec.release;
    std::string spec = spec_text(decided);
    if (spec != row.spec) ++row.generation;
    row.spec = std::move(spec);
    return Outcome::kKept;
  });
  if (!written) return fail(std::move(written).error());
  return **written;
}

Result<void> SqliteIncidentStore::hold_finalizer(const Incident& incident) {
  auto written = impl_->change(incident.name, [&](IncidentRow& row) -> Result<Outcome> {
    if (row.uid != incident.uid) return about(row.name, ErrorCode::kConflict, "is another one of that name");
    row.has_ledger_finalizer = true;
    return Outcome::kKept;
  });
  if (!written) return fail(std::move(written).error());
  return {};
}

Result<void> SqliteIncidentStore::release_finalizer(const Incident& incident) {
  auto written = impl_->change(incident.name, [&](IncidentRow& row) -> Result<Outcome> {
    if (row.uid != incident.uid) return Outcome::kKept;
    row.has_ledger_finalizer = false;
    return row.being_deleted ? Outcome::kErased : Outcome::kKept;
  });
  if (!written && written.error().code != ErrorCode::kNotFound) return fail(std::move(written).error());
  return {};
}

Result<void> SqliteIncidentStore::remove(const Incident& incident) {
  auto written = impl_->change(incident.name, [&](IncidentRow& row) -> Result<Outcome> {
    if (auto checked = check_precondition(row, incident); !checked) return fail(std::move(checked).error());
    if (!row.has_ledger_finalizer) return Outcome::kErased;
    if (!row.being_deleted) ++row.generation;
    row.being_deleted = true;
    return Outcome::kKept;
  });
  if (!written && written.error().code != ErrorCode::kNotFound) return fail(std::move(written).error());
  return {};
}

IncidentStore::Pointer SqliteIncidentStore::cached(const std::string& name) const {
  std::shared_lock lock(impl_->reading);
  return impl_->index.find(name);
}

std::vector<IncidentStore::Pointer> SqliteIncidentStore::of_target(const std::string& target_uid) const {
  std::shared_lock lock(impl_->reading);
  return impl_->index.of_target(target_uid);
}

std::vector<IncidentStore::Pointer> SqliteIncidentStore::of_owner(const std::string& owner_uid) const {
  std::shared_lock lock(impl_->reading);
  return impl_->index.of_owner(owner_uid);
}

std::vector<IncidentStore::Pointer> SqliteIncidentStore::of_namespace(const std::string& name_space) const {
  std::shared_lock lock(impl_->reading);
  return impl_->index.of_namespace(name_space);
}

std::vector<IncidentStore::Pointer> SqliteIncidentStore::list() const {
  std::shared_lock lock(impl_->reading);
  return impl_->index.list();
}

void SqliteIncidentStore::subscribe(std::function<void(const std::string& name)> changed) {
  impl_->subscribers.push_back(std::move(changed));
}

}  // namespace kintsugi::incidents
