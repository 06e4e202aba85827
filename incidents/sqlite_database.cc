// SPDX-License-Identifier: Apache-2.0
#include "incidents/sqlite_database.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <mutex>

#include "incidents/sqlite_connection.h"
#include "incidents/sqlite_file.h"
#include "incidents/sqlite_schema.h"

namespace kintsugi::incidents {
namespace {

using Access = SqliteConnection::Access;

Result<std::string> absolute(const std::string& path) {
  std::error_code error;
  std::string full = path.empty() ? "" : std::filesystem::absolute(path, error).string();
  if (!full.empty() && !error) return full;
  return fail(make_error(ErrorCode::kInvalidInput, "not the path of a file").on(path));
}

int milliseconds_of(std::chrono::milliseconds time) {
  return int(std::clamp<std::int64_t>(time.count(), 0, 600'000));
}

Result<void> fill_and_publish(const std::string& temporary, const std::string& path) {
  {
    auto connection = SqliteConnection::open(temporary, Access::kWrite);
    if (!connection) return fail(std::move(connection).error());
    if (auto made = make_schema(*connection); !made) return made;
  }
  return publish_file(temporary, path);
}

/// Under another name first, so that what has the database's name was complete once.
Result<void> create(const std::string& path) {
  const auto temporary = make_private_file(path);
  if (!temporary) return fail(temporary.error());
  auto made = fill_and_publish(*temporary, path);
  if (!made) ::unlink(temporary->c_str());
  return made;
}

/// Holds for this connection alone, but for the journal's mode.
Result<void> configure(SqliteConnection& connection, const SqliteOptions& options) {
  const auto page = connection.integer("PRAGMA page_size");
  if (!page) return fail(page.error());
  const std::int64_t most_pages = std::max<std::int64_t>(options.max_bytes / *page, 1);
  const std::string pragmas = fmt::format(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216;"
      "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON; PRAGMA max_page_count = {}",
      most_pages);
  return connection.execute_all(pragmas.c_str());
}

Result<void> accept(SqliteConnection& connection) {
  // Until it is known to be ours.
  connection.checkpoint_when_closed(false);
  if (auto known = recognise_schema(connection, schema_migrations()); !known) return known;
  if (auto whole = check_integrity(connection); !whole) return whole;
  connection.checkpoint_when_closed(true);
  return migrate_schema(connection, schema_migrations());
}

}  // namespace

struct SqliteDatabase::Impl {
  OwnedFile lock;
  const std::string path;
  const int busy_milliseconds;
  SqliteConnection connection;
  std::mutex mutex{};         ///< of the connection
  std::mutex backup_mutex{};  ///< one backup at a time: each reads and writes all of it
};

SqliteDatabase::SqliteDatabase(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SqliteDatabase::~SqliteDatabase() = default;

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(const std::string& path,
                                                             const SqliteOptions& options) {
  const auto full = absolute(path);
  if (!full) return fail(full.error());
  // Before the lock, which would leave a file beside what is no database.
  if (auto found = find_database_file(*full); !found) return fail(std::move(found).error());
  auto lock = lock_database(*full);
  if (!lock) return fail(std::move(lock).error());
  const auto exists = find_database_file(*full);
  if (!exists) return fail(exists.error());
  if (!*exists) {
    if (auto created = create(*full); !created) return fail(std::move(created).error());
  }
  auto connection = SqliteConnection::open(*full, Access::kWrite);
  if (!connection) return fail(std::move(connection).error());
  const int busy = milliseconds_of(options.busy_timeout);
  connection->wait_for_locks(busy);
  if (auto accepted = accept(*connection); !accepted) return fail(std::move(accepted).error().on(*full));
  if (auto configured = configure(*connection, options); !configured) {
    return fail(std::move(configured).error());
  }
  std::unique_ptr<Impl> impl(new Impl{std::move(*lock), *full, busy, std::move(*connection)});
  return std::unique_ptr<SqliteDatabase>(new SqliteDatabase(std::move(impl)));
}

Result<void> SqliteDatabase::backup(const std::string& path) {
  const auto full = absolute(path);
  if (!full) return fail(full.error());
  std::lock_guard lock(impl_->backup_mutex);
  if (std::error_code ignored; std::filesystem::exists(*full, ignored)) {
    return fail(make_error(ErrorCode::kAlreadyExists, "there is a file of that name")
                    .on(*full)
                    .advise("name a new file, or move this one away"));
  }
  // A connection of its own: SQLite lets it read its moment's state while the other one writes.
  auto reader = SqliteConnection::open(impl_->path, Access::kRead);
  if (!reader) return fail(std::move(reader).error());
  reader->wait_for_locks(impl_->busy_milliseconds);
  const auto temporary = make_private_file(*full);
  if (!temporary) return fail(temporary.error());
  Result<void> written;
  if (auto copied = reader->execute("VACUUM INTO ?", {*temporary}); !copied) {
    Error error = std::move(copied).error();
    error.message = fmt::format("cannot write the backup {}: {}", *full, error.message);
    written = fail(std::move(error));
  } else {
    written = publish_file(*temporary, *full);
  }
  if (!written) ::unlink(temporary->c_str());
  return written;
}

Result<void> SqliteDatabase::transact(const std::function<Result<void>(SqliteConnection& connection)>& work) {
  std::lock_guard lock(impl_->mutex);
  return impl_->connection.transact([&] { return work(impl_->connection); });
}

}  // namespace kintsugi::incidents
