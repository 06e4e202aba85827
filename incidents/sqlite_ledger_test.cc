// SPDX-License-Identifier: Apache-2.0
#include "incidents/sqlite_ledger.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "incidents/sqlite_connection.h"
#include "incidents/sqlite_test_world.h"

namespace kintsugi::incidents {
namespace {

struct Fixture {
  DatabaseDirectory directory;
  std::unique_ptr<SqliteDatabase> database = std::move(SqliteDatabase::open(directory.file()).value());
  SqliteLedger ledger{*database};

  /// As somebody with sqlite3 would.
  void edit(std::string_view sql) {
    REQUIRE(database->transact([&](SqliteConnection& connection) -> Result<void> {
      auto edited = connection.execute(sql);
      if (!edited) return fail(std::move(edited).error());
      return {};
    }));
  }

  std::vector<std::string> uids() {
    std::vector<std::string> uids;
    const auto contents = ledger.load();
    for (const LedgerRecord& record : contents->records) uids.push_back(record.uid);
    std::sort(uids.begin(), uids.end());
    return uids;
  }
};

/// Totals are the UIDs in a row.
Result<std::string> add_uids(const std::string& totals, std::span<const LedgerRecord> records) {
  std::string all = totals;
  for (const LedgerRecord& record : records) all += record.uid + ";";
  return all;
}

bool yes(const LedgerRecord&) {
  return true;
}

Compaction compaction_of(std::function<bool(const LedgerRecord&)> is_old) {
  return {yes, std::move(is_old), add_uids};
}

}  // namespace

TEST_CASE("folding twice is folding once") {
  Fixture fixture;
  LedgerRecord record = test_record("a");
  REQUIRE(fixture.ledger.fold(record));
  record.severity = Severity::kInfo;
  REQUIRE(fixture.ledger.fold(record));
  const auto contents = fixture.ledger.load();
  REQUIRE(contents->records.size() == 1);
  CHECK(contents->records[0].severity == Severity::kError);
  CHECK(contents->totals.empty());
}

TEST_CASE("a UID is text and nothing else") {
  Fixture fixture;
  const std::vector<std::string> uids{"' OR 1=1 --", "a'); DROP TABLE ledger_record; --", "ü", "x y"};
  for (const std::string& uid : uids) REQUIRE(fixture.ledger.fold(test_record(uid)));
  CHECK(fixture.uids().size() == uids.size());
  CHECK(fixture.ledger.fold(test_record("")).error().code == ErrorCode::kInvalidInput);
}

TEST_CASE("records become totals once") {
  Fixture fixture;
  for (const char* const uid : {"a", "b", "c"}) REQUIRE(fixture.ledger.fold(test_record(uid)));
  const auto first =
      fixture.ledger.compact(compaction_of([](const LedgerRecord& r) { return r.uid != "b"; }));
  REQUIRE(first);
  CHECK(first->size() == 2);
  CHECK(fixture.uids() == std::vector<std::string>{"b"});
  const auto second = fixture.ledger.compact(compaction_of(yes));
  REQUIRE(second);
  CHECK(second->size() == 1);
  const auto contents = fixture.ledger.load();
  CHECK(contents->records.empty());
  REQUIRE(contents->totals.size() == 1);
  CHECK(contents->totals[0].size() == 6);
  CHECK(contents->totals[0].ends_with("b;"));
  CHECK(fixture.ledger.compact(compaction_of(yes))->empty());
}

TEST_CASE("what is not final or not old stays a record") {
  Fixture fixture;
  REQUIRE(fixture.ledger.fold(test_record("a")));
  const auto no = [](const LedgerRecord&) { return false; };
  CHECK(fixture.ledger.compact({no, yes, add_uids})->empty());
  CHECK(fixture.ledger.compact({yes, no, add_uids})->empty());
  CHECK(fixture.uids().size() == 1);
}

TEST_CASE("a compaction that fails leaves records and totals as they were") {
  Fixture fixture;
  for (const char* const uid : {"a", "b"}) REQUIRE(fixture.ledger.fold(test_record(uid)));
  Compaction compaction = compaction_of(yes);
  ErrorCode expected = ErrorCode::kConflict;
  SECTION("in its arithmetic") {
    compaction.add = [](const auto&, auto) { return fail(ErrorCode::kInvalidInput, "no"); };
    expected = ErrorCode::kInvalidInput;
  }
  SECTION("since a record went meanwhile") {
    compaction.add = [&](const auto& totals, auto records) {
      fixture.edit("DELETE FROM ledger_record WHERE uid = 'b'");
      return add_uids(totals, records);
    };
  }
  SECTION("since the totals changed meanwhile") {
    compaction.add = [&](const auto& totals, auto records) {
      fixture.edit("INSERT INTO ledger_totals VALUES (0, 'else')");
      return add_uids(totals, records);
    };
  }
  const auto compacted = fixture.ledger.compact(compaction);
  REQUIRE_FALSE(compacted);
  CHECK(compacted.error().code == expected);
  CHECK(fixture.uids().front() == "a");
  const auto totals = fixture.ledger.load()->totals;
  CHECK((totals.empty() || totals.front() == "else"));
}

TEST_CASE("a compaction may use the database") {
  Fixture fixture;
  REQUIRE(fixture.ledger.fold(test_record("a")));
  Compaction compaction = compaction_of(yes);
  compaction.is_final = [&](const LedgerRecord&) { return bool(fixture.ledger.fold(test_record("b"))); };
  CHECK(fixture.ledger.compact(compaction)->size() == 1);
  CHECK(fixture.uids() == std::vector<std::string>{"b"});
}

TEST_CASE("a record that somebody edited does not take the others with it") {
  Fixture fixture;
  for (const char* const uid : {"a", "b", "c"}) REQUIRE(fixture.ledger.fold(test_record(uid)));
  fixture.edit("UPDATE ledger_record SET record = 'nonsense' WHERE uid = 'a'");
  fixture.edit("UPDATE ledger_record SET uid = 'z' WHERE uid = 'c'");
  CHECK(fixture.uids() == std::vector<std::string>{"b"});
  CHECK(fixture.ledger.compact(compaction_of(yes))->size() == 1);
}

TEST_CASE("a full disk is an error of the fold that meets it, and can pass") {
  DatabaseDirectory directory;
  SqliteOptions options;
  options.max_bytes = 1;  // what there is, and no page more
  std::size_t folded = 0;
  {
    auto database = SqliteDatabase::open(directory.file(), options);
    REQUIRE(database);
    SqliteLedger ledger(**database);
    Result<void> latest;
    while (latest && folded < 1000) {
      latest = ledger.fold(test_record(std::to_string(folded)));
      if (latest) ++folded;
    }
    REQUIRE_FALSE(latest);
    CHECK(latest.error().code == ErrorCode::kUnavailable);
    CHECK(latest.error().retryable);
    CHECK(ledger.load()->records.size() == folded);
  }
  auto larger = SqliteDatabase::open(directory.file());
  REQUIRE(larger);
  SqliteLedger ledger(**larger);
  CHECK(ledger.fold(test_record("more")));
  CHECK(ledger.load()->records.size() == folded + 1);
}

}  // namespace kintsugi::incidents
