// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "incidents/sqlite_database.h"
#include "incidents/store.h"

namespace kintsugi::incidents {

/// Incidents in one SQLite database, for a host that has no cluster. It does what the API server does with
/// the objects: compares resource versions, gives UIDs, keeps what has a finalizer. Thread-safe.
///
/// Each write is one transaction, and on the disk when the call returns; one that fails leaves the incident
/// as it was, here and in memory. A write that would change nothing writes nothing and tells nobody. All
/// incidents are in memory too, and what is read comes from there: this process alone has the database.
/// Errors of every write, beside those of IncidentStore: kUnavailable (retryable) for a full disk, an I/O
/// failure or a file that is locked, kForbidden for a file that cannot be written, kInvalidInput with the
/// reason "DatabaseDamaged", kTooLarge for an incident of more than 3 MiB, kInvalidInput for one that could
/// not be read again.
class SqliteIncidentStore final : public IncidentStore {
 public:
  /// Reads all incidents. Both references must outlive the store, of which a database has one.
  static Result<std::unique_ptr<SqliteIncidentStore>> open(SqliteDatabase& database, const Clock& clock);
  ~SqliteIncidentStore() override;

  /// Of `incident` it takes name, namespace and spec: the status begins empty. The timeout is not looked at:
  /// nobody has to be waited for but the disk. kInvalidInput for a name that Kubernetes would not take.
  Result<Incident> create(const Incident& incident, std::chrono::milliseconds timeout) override;
  Result<Incident> get(const std::string& name) override;
  Result<Incident> update_status(const Incident& incident) override;
  /// Writes what a person decides, `hold`, `approvals` and `release`, if the incident is still at
  /// `incident.resource_version`, else kConflict. Everything else stays as it is stored. Errors: kNotFound,
  /// those of check_decisions(), kInvalidInput for an incident that has a `problem`.
  Result<Incident> update_decisions(const Incident& incident);
  Result<void> hold_finalizer(const Incident& incident) override;
  Result<void> release_finalizer(const Incident& incident) override;
  Result<void> remove(const Incident& incident) override;
  Pointer cached(const std::string& name) const override;
  std::vector<Pointer> of_target(const std::string& target_uid) const override;
  std::vector<Pointer> of_owner(const std::string& owner_uid) const override;
  std::vector<Pointer> of_namespace(const std::string& name_space) const override;
  std::vector<Pointer> list() const override;
  /// Before the first write. `changed` is called once for each change, after it is on the disk and in memory,
  /// on the thread that made it, without any lock: it may call the store. What was there at open() is not
  /// announced. Of changes that two threads make at once the calls may come in either order.
  void subscribe(std::function<void(const std::string& name)> changed) override;

 private:
  struct Impl;
  explicit SqliteIncidentStore(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace kintsugi::incidents
