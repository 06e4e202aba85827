// SPDX-License-Identifier: Apache-2.0
#include "incidents/sqlite_database.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>

#include "base/file.h"
#include "incidents/sqlite_connection.h"
#include "incidents/sqlite_ledger.h"
#include "incidents/sqlite_schema.h"
#include "incidents/sqlite_test_world.h"

namespace kintsugi::incidents {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMost = 64u << 20;

unsigned mode_of(const std::string& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777u;
}

void write(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
  fs::permissions(path, fs::perms(0600));
}

std::string content_of(const std::string& path) {
  return read_file(path, kMost).value();
}

/// A database with enough in it to have several pages, closed.
void make_database(const std::string& path) {
  auto database = SqliteDatabase::open(path);
  REQUIRE(database);
  REQUIRE((*database)->transact([](SqliteConnection& connection) -> Result<void> {
    for (int i = 0; i < 400; ++i) {
      const LedgerRecord record = test_record(std::to_string(i));
      auto kept =
          connection.execute("INSERT INTO ledger_record VALUES (?, ?)", {record.uid, to_text(record)});
      if (!kept) return fail(std::move(kept).error());
    }
    return {};
  }));
}

void run_sql(const std::string& path, const char* sql) {
  auto connection = SqliteConnection::open(path, SqliteConnection::Access::kWrite);
  REQUIRE(connection);
  REQUIRE(connection->execute_all(sql));
}

/// That it cannot be opened, and is afterwards what it was.
Error refusal_of(const std::string& path) {
  const bool is_file = fs::is_regular_file(path);
  const std::string before = is_file ? content_of(path) : "";
  auto opened = SqliteDatabase::open(path);
  REQUIRE_FALSE(opened);
  INFO(opened.error().to_string());
  CHECK(fs::is_regular_file(path) == is_file);
  if (is_file) CHECK(content_of(path) == before);
  CHECK(opened.error().object.find(path) != std::string::npos);
  CHECK_FALSE(opened.error().advice.empty());
  return opened.error();
}

}  // namespace

TEST_CASE("a database is made for its user alone, and opened again") {
  const DatabaseDirectory directory;
  const std::string path = directory.file();
  {
    auto database = SqliteDatabase::open(path);
    REQUIRE(database);
    REQUIRE(SqliteLedger(**database).fold(test_record("a")));
    for (const char* const suffix : {"", "-wal", "-shm", ".lock"}) CHECK(mode_of(path + suffix) == 0600);
  }
  CHECK(std::distance(fs::directory_iterator(directory.path()), {}) == 2);  // itself and its lock
  auto again = SqliteDatabase::open(path);
  REQUIRE(again);
  CHECK(SqliteLedger(**again).load()->records.size() == 1);
}

TEST_CASE("a transaction is on the disk when it returns, or not there at all") {
  const DatabaseDirectory directory;
  auto database = SqliteDatabase::open(directory.file());
  REQUIRE(database);
  const auto number = [&](std::string_view sql) {
    std::int64_t value = -1;
    REQUIRE((*database)->transact([&](SqliteConnection& connection) -> Result<void> {
      const auto read = connection.integer(sql);
      if (read) value = *read;
      return read ? Result<void>() : fail(read.error());
    }));
    return value;
  };
  CHECK(number("PRAGMA synchronous") == 2);  // FULL
  CHECK(fs::file_size(directory.file() + "-wal") == 0);
  const auto broken = (*database)->transact([](SqliteConnection& connection) -> Result<void> {
    auto kept = connection.execute("INSERT INTO ledger_record VALUES ('a', '{}')");
    if (!kept) return fail(std::move(kept).error());
    return fail(ErrorCode::kCancelled, "after all");
  });
  CHECK(broken.error().code == ErrorCode::kCancelled);
  CHECK(number("SELECT count(*) FROM ledger_record") == 0);
}

TEST_CASE("the creation of a database removes no file that is not its own") {
  const DatabaseDirectory directory;
  write(directory.file() + ".new", "precious");
  CHECK(SqliteDatabase::open(directory.file()));
  CHECK(content_of(directory.file() + ".new") == "precious");
}

TEST_CASE("a damaged file is an error that names it, and is left as it is") {
  struct Row {
    const char* what;
    std::function<std::string(std::string whole)> damage;
  };
  const Row row = GENERATE(values<Row>({
      {"empty", [](const std::string&) { return std::string(); }},
      {"garbage", [](const std::string& whole) { return std::string(whole.size(), 'x'); }},
      {"a few bytes", [](const std::string&) { return std::string("SQLite"); }},
      {"a header alone", [](const std::string& whole) { return whole.substr(0, 100); }},
      {"one page alone", [](const std::string& whole) { return whole.substr(0, 4096); }},
      {"without its last page",
       [](const std::string& whole) { return whole.substr(0, whole.size() - 4096); }},
      {"cut within a page", [](const std::string& whole) { return whole.substr(0, whole.size() - 1000); }},
      {"a page of zeros",
       [](std::string whole) { return whole.replace(whole.size() - 4096, 4096, 4096, '\0'); }},
      {"a page of noise", [](std::string whole) { return whole.replace(8192, 4096, 4096, '\x5a'); }},
      {"a page twice", [](std::string whole) { return whole.replace(8192, 4096, whole, 4096, 4096); }},
  }));
  INFO(row.what);
  const DatabaseDirectory directory;
  make_database(directory.file());
  write(directory.file(), row.damage(content_of(directory.file())));
  const Error error = refusal_of(directory.file());
  CHECK(error.code == ErrorCode::kInvalidInput);
  CHECK(error.reason == "DatabaseDamaged");
  CHECK(error.advice.find("backup") != std::string::npos);
  CHECK_FALSE(error.retryable);
}

TEST_CASE("what is no database of ours is refused") {
  const DatabaseDirectory directory;
  const std::string path = directory.file();
  SECTION("a directory") {
    fs::create_directory(path);
    CHECK(refusal_of(path).code == ErrorCode::kInvalidInput);
    CHECK_FALSE(fs::exists(path + ".lock"));
  }
  SECTION("a pipe") {
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    CHECK(refusal_of(path).code == ErrorCode::kInvalidInput);
  }
  SECTION("another program's database") {
    write(path, "");
    run_sql(path, "CREATE TABLE incident (name TEXT)");
    const Error error = refusal_of(path);
    CHECK(error.code == ErrorCode::kInvalidInput);
    CHECK(error.message.find("another program") != std::string::npos);
  }
  SECTION("one of a newer version") {
    make_database(path);
    run_sql(path, "PRAGMA user_version = 1000");
    const Error error = refusal_of(path);
    CHECK(error.code == ErrorCode::kUnsupported);
    CHECK(error.message.find("1000") != std::string::npos);
  }
  SECTION("one of an impossible version") {
    make_database(path);
    run_sql(path, "PRAGMA user_version = -1");
    CHECK(refusal_of(path).reason == "DatabaseDamaged");
  }
  SECTION("a log without its database") {
    write(path + "-wal", "frames");
    CHECK(refusal_of(path).reason == "DatabaseDamaged");
    CHECK(content_of(path + "-wal") == "frames");
  }
  SECTION("a file that a group may write") {
    make_database(path);
    fs::permissions(path, fs::perms(0660));
    CHECK(refusal_of(path).code == ErrorCode::kForbidden);
  }
  SECTION("a file that all may write") {
    make_database(path);
    fs::permissions(path, fs::perms(0602));
    CHECK(refusal_of(path).code == ErrorCode::kForbidden);
  }
}

TEST_CASE("a place that cannot have a database is refused") {
  const DatabaseDirectory directory;
  SECTION("a directory where all may put files") {
    fs::permissions(directory.path(), fs::perms(01777));
    CHECK(SqliteDatabase::open(directory.file()).error().code == ErrorCode::kForbidden);
  }
  SECTION("no directory") {
    CHECK(SqliteDatabase::open(directory.file("none/x.db")).error().code == ErrorCode::kNotFound);
  }
  SECTION("below a file") {
    write(directory.file("file"), "x");
    CHECK(SqliteDatabase::open(directory.file("file/x.db")).error().code == ErrorCode::kNotFound);
  }
  SECTION("no name") {
    CHECK(SqliteDatabase::open("").error().code == ErrorCode::kInvalidInput);
  }
  CHECK(std::size_t(std::distance(fs::directory_iterator(directory.path()), {})) <= 1);
}

TEST_CASE("names that mean something to SQLite or to a URI are names of files") {
  const DatabaseDirectory directory;
  const std::string name = GENERATE("file:x?mode=memory", ":memory:", "a'b\"c.db", "x.db?immutable=1");
  INFO(name);
  const std::string path = directory.file(name);
  auto database = SqliteDatabase::open(path);
  REQUIRE(database);
  CHECK(fs::is_regular_file(path));
  REQUIRE((*database)->backup(path + "'); DROP"));
  CHECK(fs::is_regular_file(path + "'); DROP"));
}

TEST_CASE("a second opening is refused while the first lasts") {
  const DatabaseDirectory directory;
  const std::string path = directory.file();
  auto first = SqliteDatabase::open(path);
  REQUIRE(first);
  SECTION("of the same process") {
    const auto second = SqliteDatabase::open(path);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == ErrorCode::kUnavailable);
    CHECK(second.error().reason == "DatabaseInUse");
    CHECK(second.error().retryable);
  }
  SECTION("of another process") {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto second = SqliteDatabase::open(path);
      ::_exit(!second && second.error().reason == "DatabaseInUse" ? 7 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WEXITSTATUS(status) == 7);
  }
  REQUIRE(SqliteLedger(**first).fold(test_record("a")));
  first->reset();
  CHECK(SqliteDatabase::open(path));
}

TEST_CASE("a migration leads from the version that there is, all or nothing") {
  const DatabaseDirectory directory;
  const std::string path = directory.file();
  write(path, "");
  auto connection = SqliteConnection::open(path, SqliteConnection::Access::kWrite);
  REQUIRE(connection);
  const std::array first{"CREATE TABLE one (a INTEGER) STRICT; INSERT INTO one VALUES (1)"};
  REQUIRE(migrate_schema(*connection, first));
  CHECK(connection->integer("PRAGMA user_version") == 1);

  const std::array broken{first[0], "CREATE TABLE two (a INTEGER) STRICT; UPDATE one SET a = 2", "nonsense"};
  CHECK_FALSE(migrate_schema(*connection, broken));
  CHECK(connection->integer("PRAGMA user_version") == 1);
  CHECK(connection->integer("SELECT a FROM one") == 1);
  CHECK_FALSE(connection->integer("SELECT count(*) FROM two"));

  const std::array all{first[0], broken[1], "ALTER TABLE two ADD COLUMN b TEXT"};
  REQUIRE(migrate_schema(*connection, all));
  CHECK(connection->integer("PRAGMA user_version") == 3);
  CHECK(connection->integer("SELECT a FROM one") == 2);
  REQUIRE(migrate_schema(*connection, all));
  CHECK(connection->integer("SELECT count(b) FROM two") == 0);
}

TEST_CASE("a backup is a database of that moment, and the work goes on") {
  const DatabaseDirectory directory;
  auto database = SqliteDatabase::open(directory.file());
  REQUIRE(database);
  SqliteLedger ledger(**database);
  REQUIRE(ledger.fold(test_record("before")));
  const std::string copy = directory.file("copy.db");
  REQUIRE((*database)->backup(copy));
  REQUIRE(ledger.fold(test_record("after")));
  CHECK(mode_of(copy) == 0600);
  auto opened = SqliteDatabase::open(copy);
  REQUIRE(opened);
  const auto records = SqliteLedger(**opened).load()->records;
  REQUIRE(records.size() == 1);
  CHECK(records[0].uid == "before");
  CHECK(ledger.load()->records.size() == 2);
}

TEST_CASE("a backup removes no file that is not its own") {
  const DatabaseDirectory directory;
  auto database = SqliteDatabase::open(directory.file());
  REQUIRE(database);
  const std::string copy = directory.file("copy.db");
  write(copy + ".tmp", "precious");
  const auto files = [&] { return std::distance(fs::directory_iterator(directory.path()), {}); };
  const auto before = files();
  REQUIRE((*database)->backup(copy));
  CHECK(content_of(copy + ".tmp") == "precious");
  CHECK(files() == before + 1);
}

TEST_CASE("a backup replaces nothing and leaves no part of itself") {
  const DatabaseDirectory directory;
  auto database = SqliteDatabase::open(directory.file());
  REQUIRE(database);
  const auto files = [&] { return std::distance(fs::directory_iterator(directory.path()), {}); };
  write(directory.file("taken"), "precious");
  const auto before = files();
  CHECK((*database)->backup(directory.file("taken")).error().code == ErrorCode::kAlreadyExists);
  CHECK(content_of(directory.file("taken")) == "precious");
  CHECK((*database)->backup(directory.file()).error().code == ErrorCode::kAlreadyExists);
  CHECK((*database)->backup(directory.path()).error().code == ErrorCode::kAlreadyExists);
  CHECK((*database)->backup(directory.file("none/copy")).error().code == ErrorCode::kNotFound);
  CHECK((*database)->backup("").error().code == ErrorCode::kInvalidInput);
  CHECK(files() == before);
}

}  // namespace kintsugi::incidents
