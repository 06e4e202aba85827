// SPDX-License-Identifier: Apache-2.0
#include "incidents/sqlite_store.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/json_text.h"
#include "incidents/decisions.h"
#include "incidents/sqlite_connection.h"
#include "incidents/sqlite_test_world.h"
#include "model/incident_json.h"

namespace kintsugi::incidents {
namespace {

using namespace std::chrono_literals;

struct Fixture {
  explicit Fixture(const SqliteOptions& opened_with = {}) : options(opened_with) { open(); }

  void open() {
    store.reset();
    database.reset();
    auto opened = SqliteDatabase::open(directory.file(), options);
    REQUIRE(opened);
    database = std::move(*opened);
    auto loaded = SqliteIncidentStore::open(*database, clock);
    REQUIRE(loaded);
    store = std::move(*loaded);
    store->subscribe([this](const std::string& name) {
      // A subscriber may use the store.
      told.push_back(name + (store->cached(name) == nullptr ? " gone" : ""));
    });
  }

  Incident create(const std::string& name) {
    auto created = store->create(test_incident(name), 500ms);
    REQUIRE(created);
    return *created;
  }

  /// As somebody with sqlite3 would.
  void edit(std::string_view sql) {
    REQUIRE(database->transact([&](SqliteConnection& connection) -> Result<void> {
      auto edited = connection.execute(sql);
      if (!edited) return fail(std::move(edited).error());
      return {};
    }));
  }

  /// Whether memory holds what a new process would find.
  bool is_as_stored() {
    const auto texts = [this] {
      std::set<std::string> all;
      for (const auto& incident : store->list()) all.insert(text_of(*incident));
      return all;
    };
    const auto before = texts();
    open();
    return texts() == before;
  }

  static std::string text_of(const Incident& incident) {
    return json_text(to_json(incident)) + std::to_string(incident.generation) + incident.problem +
           (incident.being_deleted ? " being deleted" : "") + (incident.has_ledger_finalizer ? " held" : "") +
           std::to_string(incident.created.time_since_epoch().count());
  }

  DatabaseDirectory directory;
  SqliteOptions options;
  ManualClock clock;
  std::vector<std::string> told;
  std::unique_ptr<SqliteDatabase> database;
  std::unique_ptr<SqliteIncidentStore> store;
};

std::vector<std::string> names_of(const std::vector<IncidentStore::Pointer>& incidents) {
  std::vector<std::string> names;
  for (const auto& incident : incidents) names.push_back(incident->name);
  return names;
}

template <class T>
ErrorCode code_of(const Result<T>& result) {
  REQUIRE_FALSE(result);
  return result.error().code;
}

std::int64_t number(const std::string& resource_version) {
  return std::stoll(resource_version);
}

}  // namespace

TEST_CASE("what is created is read at once, and after a restart") {
  Fixture fixture;
  fixture.clock.advance(1'234'567'891ns);
  Incident wanted = test_incident("inc-a-1");
  wanted.status.playbook = "not at a creation";
  wanted.uid = "nor this";
  wanted.generation = 9;
  const auto created = fixture.store->create(wanted, 500ms);
  REQUIRE(created);
  CHECK(created->uid.size() == 36);
  CHECK(created->generation == 1);
  CHECK(created->has_ledger_finalizer);
  CHECK(created->status.playbook.empty());
  CHECK(created->name_space == "kintsugi-system");
  CHECK(created->created == std::chrono::floor<std::chrono::microseconds>(fixture.clock.now()));
  CHECK(created->problem.empty());
  CHECK(fixture.told == std::vector<std::string>{"inc-a-1"});
  for (int i = 0; i < 2; ++i) {
    CHECK(fixture.store->cached("inc-a-1")->uid == created->uid);
    CHECK(fixture.store->get("inc-a-1")->uid == created->uid);
    CHECK(names_of(fixture.store->list()) == std::vector<std::string>{"inc-a-1"});
    CHECK(fixture.store->of_target("uid-1").size() == 1);
    CHECK(fixture.store->of_owner("uid-of-web").size() == 1);
    CHECK(fixture.store->of_namespace("host").size() == 1);
    CHECK(fixture.store->of_target("uid-2").empty());
    CHECK(fixture.store->of_owner("uid-1").empty());
    CHECK(fixture.store->of_namespace("kintsugi-system").empty());
    CHECK(fixture.is_as_stored());
  }
}

TEST_CASE("of two creates of one name one succeeds, whatever became of the first") {
  Fixture fixture;
  const Incident first = fixture.create("inc-a-1");
  CHECK(code_of(fixture.store->create(test_incident("inc-a-1"), 500ms)) == ErrorCode::kAlreadyExists);
  REQUIRE(fixture.store->remove(first));
  CHECK(code_of(fixture.store->create(test_incident("inc-a-1"), 500ms)) == ErrorCode::kAlreadyExists);
  CHECK(fixture.store->get("inc-a-1")->uid == first.uid);
  CHECK(fixture.told.size() == 2);
}

TEST_CASE("generations of a target come by number") {
  Fixture fixture;
  for (const char* const name : {"inc-a-10", "inc-a-2", "inc-a-9", "inc-a-1"}) fixture.create(name);
  CHECK(names_of(fixture.store->of_target("uid-1")) ==
        std::vector<std::string>{"inc-a-1", "inc-a-2", "inc-a-9", "inc-a-10"});
}

TEST_CASE("what could not be found or read again is not created") {
  struct Row {
    const char* what;
    std::function<void(Incident&)> change;
    ErrorCode code;
  };
  const Row row = GENERATE(values<Row>({
      {"no name", [](Incident& i) { i.name = ""; }, ErrorCode::kInvalidInput},
      {"SQL for a name", [](Incident& i) { i.name = "x'); DROP TABLE incident; --"; },
       ErrorCode::kInvalidInput},
      {"a name with a zero", [](Incident& i) { i.name = std::string("a\0b", 3); }, ErrorCode::kInvalidInput},
      {"a long name", [](Incident& i) { i.name = std::string(254, 'a'); }, ErrorCode::kInvalidInput},
      {"no target", [](Incident& i) { i.spec.target = {}; }, ErrorCode::kInvalidInput},
      {"a target without UID", [](Incident& i) { i.spec.target.uid = ""; }, ErrorCode::kInvalidInput},
      {"a decision on nothing", [](Incident& i) { i.spec.approvals = {{"", true, "", "", {}}}; },
       ErrorCode::kInvalidInput},
      {"more than fits", [](Incident& i) { i.spec.origin.summary = std::string(4u << 20, 'x'); },
       ErrorCode::kTooLarge},
  }));
  INFO(row.what);
  Fixture fixture;
  Incident incident = test_incident("inc-a-1");
  row.change(incident);
  CHECK(code_of(fixture.store->create(incident, 500ms)) == row.code);
  CHECK(fixture.store->list().empty());
  CHECK(fixture.told.empty());
  fixture.create("inc-a-1");
  CHECK(fixture.is_as_stored());
}

TEST_CASE("text is text, also where it looks like SQL or is none") {
  Fixture fixture;
  Incident incident = test_incident("inc-a-1");
  const std::string hostile = "'); DELETE FROM incident; -- \"`\x01\n";
  incident.spec.target.uid = hostile;
  incident.spec.owner.uid = hostile;
  incident.spec.target.name_space = hostile;
  incident.spec.origin.summary = "bytes \xff\xfe that are no text";
  auto created = fixture.store->create(incident, 500ms);
  REQUIRE(created);
  CHECK(fixture.store->of_target(hostile).size() == 1);
  CHECK(fixture.store->of_owner(hostile).size() == 1);
  CHECK(fixture.store->of_namespace(hostile).size() == 1);
  created->status.playbook = hostile + "\xff";
  REQUIRE(fixture.store->update_status(*created));
  CHECK(code_of(fixture.store->get("inc-a-1' OR '1'='1")) == ErrorCode::kNotFound);
  created->name = "x' OR '1'='1";
  CHECK(code_of(fixture.store->update_status(*created)) == ErrorCode::kNotFound);
  CHECK(fixture.is_as_stored());
  CHECK(fixture.store->list().size() == 1);
}

TEST_CASE("a status is written on what was read, and nothing else of the incident") {
  Fixture fixture;
  Incident incident = fixture.create("inc-a-1");
  Incident changed = incident;
  changed.spec.hold = true;
  changed.spec.playbook = "another";
  changed.status.playbook = "stronger";
  const auto written = fixture.store->update_status(changed);
  REQUIRE(written);
  CHECK(written->status.playbook == "stronger");
  CHECK(written->spec.playbook == "p");
  CHECK_FALSE(written->spec.hold);
  CHECK(written->generation == 1);
  CHECK(number(written->resource_version) > number(incident.resource_version));

  CHECK(code_of(fixture.store->update_status(changed)) == ErrorCode::kConflict);
  Incident later = *written;
  later.uid = "of another";
  CHECK(code_of(fixture.store->update_status(later)) == ErrorCode::kConflict);
  later = *written;
  later.name = "inc-b-1";
  CHECK(code_of(fixture.store->update_status(later)) == ErrorCode::kNotFound);
  later = *written;
  later.status.journal.emplace_back();  // without an id
  CHECK(code_of(fixture.store->update_status(later)) == ErrorCode::kInvalidInput);
  CHECK(fixture.told.size() == 2);
  CHECK(fixture.is_as_stored());
}

TEST_CASE("a status that is there already is not written again") {
  Fixture fixture;
  Incident incident = fixture.create("inc-a-1");
  incident.status.playbook = "q";
  const auto first = fixture.store->update_status(incident);
  REQUIRE(first);
  const auto second = fixture.store->update_status(*first);
  REQUIRE(second);
  CHECK(second->resource_version == first->resource_version);
  CHECK(fixture.told.size() == 2);
}

TEST_CASE("resource versions grow over the whole database, also past what was deleted") {
  Fixture fixture;
  const Incident first = fixture.create("inc-a-1");
  Incident second = fixture.create("inc-b-1");
  CHECK(number(second.resource_version) > number(first.resource_version));
  REQUIRE(fixture.store->remove(second));
  REQUIRE(fixture.store->release_finalizer(second));
  fixture.open();
  const Incident third = fixture.create("inc-b-1");
  CHECK(number(third.resource_version) > number(second.resource_version) + 1);
  CHECK(third.uid != second.uid);
}

TEST_CASE("decisions are written, and nothing else of the spec or the status") {
  Fixture fixture;
  Incident incident = fixture.create("inc-a-1");
  Incident decided = incident;
  decided.spec.hold = true;
  decided.spec.approvals = {{"contain", true, "ada", "go", fixture.clock.now()}};
  decided.spec.release =
      ReleaseOrder{ReleaseOrder::Victim::kLeave, "ada", "false alarm", fixture.clock.now()};
  decided.spec.playbook = "another";
  decided.spec.target.uid = "another";
  decided.status.playbook = "another";
  const auto written = fixture.store->update_decisions(decided);
  REQUIRE(written);
  CHECK(written->generation == 2);
  CHECK(written->spec.hold);
  CHECK(written->spec.approvals.size() == 1);
  CHECK(written->spec.release->victim == ReleaseOrder::Victim::kLeave);
  CHECK(written->spec.playbook == "p");
  CHECK(written->spec.target.uid == "uid-1");
  CHECK(written->status.playbook.empty());

  CHECK(code_of(fixture.store->update_decisions(decided)) == ErrorCode::kConflict);
  CHECK(fixture.store->update_decisions(*written)->resource_version == written->resource_version);
  Incident worse = *written;
  worse.spec.approvals.clear();
  CHECK(code_of(fixture.store->update_decisions(worse)) == ErrorCode::kInvalidInput);
  worse.spec.approvals.assign(kMaxApprovals + 1, written->spec.approvals[0]);
  CHECK(code_of(fixture.store->update_decisions(worse)) == ErrorCode::kTooLarge);
  worse = *written;
  worse.name = "inc-b-1";
  CHECK(code_of(fixture.store->update_decisions(worse)) == ErrorCode::kNotFound);
  CHECK(fixture.told.size() == 2);
  CHECK(fixture.is_as_stored());
}

TEST_CASE("an incident with the finalizer goes when it is released") {
  Fixture fixture;
  Incident incident = fixture.create("inc-a-1");
  REQUIRE(fixture.store->remove(incident));
  Incident marked = *fixture.store->cached("inc-a-1");
  CHECK(marked.being_deleted);
  CHECK(marked.generation == 2);
  CHECK(fixture.is_as_stored());
  CHECK(code_of(fixture.store->remove(incident)) == ErrorCode::kConflict);
  REQUIRE(fixture.store->remove(marked));
  CHECK(fixture.store->cached("inc-a-1")->resource_version == marked.resource_version);

  Incident later = marked;
  later.uid = "of another";
  REQUIRE(fixture.store->release_finalizer(later));
  CHECK(fixture.store->cached("inc-a-1") != nullptr);
  REQUIRE(fixture.store->release_finalizer(marked));
  CHECK(fixture.store->cached("inc-a-1") == nullptr);
  CHECK(fixture.store->of_target("uid-1").empty());
  CHECK(fixture.told.back() == "inc-a-1 gone");
  CHECK(fixture.store->release_finalizer(marked));
  CHECK(fixture.store->remove(marked));
  CHECK(code_of(fixture.store->hold_finalizer(marked)) == ErrorCode::kNotFound);
  CHECK(code_of(fixture.store->get("inc-a-1")) == ErrorCode::kNotFound);
  CHECK(fixture.is_as_stored());
}

TEST_CASE("an incident without the finalizer goes at once, and can be held again") {
  Fixture fixture;
  const Incident incident = fixture.create("inc-a-1");
  REQUIRE(fixture.store->release_finalizer(incident));
  const Incident loose = *fixture.store->cached("inc-a-1");
  CHECK_FALSE(loose.has_ledger_finalizer);
  CHECK(loose.resource_version != incident.resource_version);
  SECTION("gone") {
    REQUIRE(fixture.store->remove(loose));
    CHECK(fixture.store->list().empty());
  }
  SECTION("held") {
    Incident another = loose;
    another.uid = "another";
    CHECK(code_of(fixture.store->hold_finalizer(another)) == ErrorCode::kConflict);
    REQUIRE(fixture.store->hold_finalizer(incident));
    CHECK(fixture.store->cached("inc-a-1")->has_ledger_finalizer);
    const std::size_t told = fixture.told.size();
    REQUIRE(fixture.store->hold_finalizer(incident));
    CHECK(fixture.told.size() == told);
  }
  CHECK(fixture.is_as_stored());
}

TEST_CASE("an unreadable row is an incident with a problem, which keeps what nobody understood") {
  Fixture fixture;
  fixture.create("inc-a-1");
  fixture.create("inc-b-1");
  const std::string damaged = GENERATE("spec = 'no JSON'", "spec = '[]'", "spec = '{}'", "status = ''",
                                       "status = '{\"severity\":\"awful\"}'", "spec = '{\"target\":7}'");
  INFO(damaged);
  fixture.edit("UPDATE incident SET " + damaged + " WHERE name = 'inc-a-1'");
  fixture.open();
  CHECK(fixture.store->list().size() == 2);
  CHECK(fixture.store->cached("inc-b-1")->problem.empty());
  Incident broken = *fixture.store->cached("inc-a-1");
  CHECK_FALSE(broken.problem.empty());
  CHECK(broken.uid.size() == 36);
  broken.spec.hold = true;
  CHECK(code_of(fixture.store->update_decisions(broken)) == ErrorCode::kInvalidInput);
  broken.status.awaiting_reason = "cannot be understood";
  REQUIRE(fixture.store->update_status(broken));
  CHECK(fixture.store->cached("inc-a-1")->status.awaiting_reason == "cannot be understood");
  if (damaged.starts_with("spec")) CHECK_FALSE(fixture.store->cached("inc-a-1")->problem.empty());
  REQUIRE(fixture.store->remove(*fixture.store->cached("inc-a-1")));
  REQUIRE(fixture.store->release_finalizer(broken));
  CHECK(fixture.is_as_stored());
}

TEST_CASE("a write that finds no room fails, and memory is as it was") {
  SqliteOptions options;
  options.max_bytes = 1;  // what there is, and no page more
  Fixture fixture(options);
  const Incident incident = fixture.create("inc-a-1");
  const std::size_t told = fixture.told.size();
  Incident large = incident;
  large.status.awaiting_reason = std::string(200'000, 'x');
  const auto refused = fixture.store->update_status(large);
  CHECK(code_of(refused) == ErrorCode::kUnavailable);
  CHECK(refused.error().retryable);
  Incident another = test_incident("inc-b-1");
  another.spec.origin.summary = std::string(200'000, 'x');
  CHECK(code_of(fixture.store->create(another, 500ms)) == ErrorCode::kUnavailable);
  CHECK(fixture.store->list().size() == 1);
  CHECK(fixture.store->cached("inc-a-1")->resource_version == incident.resource_version);
  CHECK(fixture.told.size() == told);
  Incident small = incident;
  small.status.awaiting_reason = "x";
  CHECK(fixture.store->update_status(small));
  CHECK(fixture.is_as_stored());
}

TEST_CASE("a write that cannot have the file fails as something that passes") {
  SqliteOptions options;
  options.busy_timeout = 10ms;
  Fixture fixture(options);
  Incident incident = fixture.create("inc-a-1");
  incident.status.playbook = "q";
  {
    auto other = SqliteConnection::open(fixture.directory.file(), SqliteConnection::Access::kWrite);
    REQUIRE(other);
    REQUIRE(other->execute_all("BEGIN IMMEDIATE"));
    const auto refused = fixture.store->update_status(incident);
    CHECK(code_of(refused) == ErrorCode::kUnavailable);
    CHECK(refused.error().retryable);
    CHECK(fixture.store->cached("inc-a-1")->status.playbook.empty());
  }
  CHECK(fixture.store->update_status(incident));
}

TEST_CASE("of many threads that change one incident each change happens once") {
  Fixture fixture;
  constexpr int kThreads = 4, kEach = 25;
  std::atomic<int> told = 0;
  fixture.open();
  fixture.create("inc-a-1");
  auto loaded = SqliteIncidentStore::open(*fixture.database, fixture.clock);
  REQUIRE(loaded);
  SqliteIncidentStore& store = **loaded;
  store.subscribe([&](const std::string&) { ++told; });
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&] {
        for (int done = 0; done < kEach;) {
          Incident incident = *store.cached("inc-a-1");
          ++incident.status.observed_generation;
          const auto written = store.update_status(incident);
          if (written) ++done;
          if (!written && written.error().code != ErrorCode::kConflict) ++failures, ++done;
        }
      });
    }
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        if (!fixture.database->backup(fixture.directory.file("copy" + std::to_string(i)))) ++failures;
      }
    });
  }
  CHECK(failures == 0);
  CHECK(store.cached("inc-a-1")->status.observed_generation == kThreads * kEach);
  CHECK(told == kThreads * kEach);
}

}  // namespace kintsugi::incidents
