// SPDX-License-Identifier: Apache-2.0
//
// A process that writes is killed at varied moments: whatever it was told to be written is there.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <map>
#include <set>
#include <sstream>

#include "incidents/sqlite_ledger.h"
#include "incidents/sqlite_store.h"
#include "incidents/sqlite_test_world.h"

namespace kintsugi::incidents {
namespace {

using namespace std::chrono_literals;

/// Acknowledged by the processes that were killed.
struct Acknowledged {
  std::map<std::string, std::int64_t> statuses;  ///< the latest of each incident
  std::set<std::string> folded;
  std::set<std::string> removed;
};

void say(int pipe, const std::string& line) {
  if (::write(pipe, (line + "\n").data(), line.size() + 1) < 0) ::_exit(2);
}

/// One incident's life: made, changed, folded, and every other one removed.
void live(SqliteIncidentStore& store, SqliteLedger& ledger, const std::string& name, bool is_removed,
          int pipe) {
  auto incident = store.create(test_incident(name), 1s);
  if (!incident) ::_exit(3);
  say(pipe, "status " + name + " 0");
  for (int i = 1; i <= 3; ++i) {
    incident->status.observed_generation = i;
    incident = store.update_status(*incident);
    if (!incident) ::_exit(4);
    say(pipe, "status " + name + " " + std::to_string(i));
  }
  if (!ledger.fold(record_of(*incident))) ::_exit(5);
  say(pipe, "folded " + incident->uid);
  if (!is_removed) return;
  if (!store.remove(*incident) || !store.release_finalizer(*incident)) ::_exit(6);
  say(pipe, "removed " + name);
}

[[noreturn]] void write_until_killed(const std::string& path, int round, int pipe) {
  const SystemClock clock;
  auto database = SqliteDatabase::open(path);
  if (!database) ::_exit(7);
  auto store = SqliteIncidentStore::open(**database, clock);
  if (!store) ::_exit(8);
  SqliteLedger ledger(**database);
  for (int i = 0;; ++i) {
    live(**store, ledger, "inc-" + std::to_string(round) + "-" + std::to_string(i), i % 2 == 0, pipe);
  }
}

/// Reads until `lines` lines are there, or the other end is closed.
void read_lines(int pipe, std::size_t lines, std::string& said) {
  char buffer[4096];
  while (std::size_t(std::count(said.begin(), said.end(), '\n')) < lines) {
    const ssize_t got = ::read(pipe, buffer, sizeof buffer);
    if (got <= 0) return;
    said.append(buffer, std::size_t(got));
  }
}

/// What a process had said when it was killed, `later` after it had said so many lines. The last one counts
/// if it is whole.
std::string killed_after(std::size_t lines, std::chrono::microseconds later, const std::string& path,
                         int round) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  if (child == 0) write_until_killed(path, round, ends[1]);
  REQUIRE(child > 0);
  ::close(ends[1]);
  std::string said;
  read_lines(ends[0], lines, said);
  ::usleep(useconds_t(later.count()));
  ::kill(child, SIGKILL);
  read_lines(ends[0], std::string::npos, said);
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  INFO("exit status " << WEXITSTATUS(status));
  REQUIRE(WIFSIGNALED(status));
  return said.substr(0, said.rfind('\n') + 1);
}

void remember(const std::string& said, Acknowledged& acknowledged) {
  std::istringstream lines(said);
  for (std::string verb, what; lines >> verb >> what;) {
    if (verb == "status") lines >> acknowledged.statuses[what];
    if (verb == "folded") acknowledged.folded.insert(what);
    if (verb == "removed") acknowledged.removed.insert(what);
  }
}

/// Opening reads the whole database and fails where it is damaged.
void check(const std::string& path, const Acknowledged& acknowledged) {
  const SystemClock clock;
  auto database = SqliteDatabase::open(path);
  INFO((database ? std::string() : database.error().to_string()));
  REQUIRE(database);
  auto store = SqliteIncidentStore::open(**database, clock);
  REQUIRE(store);
  std::size_t missing = 0, unread = 0;
  for (const auto& incident : (*store)->list()) unread += incident->problem.empty() ? 0u : 1u;
  for (const auto& [name, status] : acknowledged.statuses) {
    const auto incident = (*store)->cached(name);
    if (acknowledged.removed.contains(name)) {
      missing += incident == nullptr ? 0u : 1u;
    } else if (incident == nullptr) {
      // It may have been removed without having been told so, but not before its last status.
      missing += status == 3 ? 0u : 1u;
    } else {
      missing += incident->status.observed_generation >= status ? 0u : 1u;
    }
  }
  std::set<std::string> folded;
  const auto contents = SqliteLedger(**database).load();
  REQUIRE(contents);
  for (const LedgerRecord& record : contents->records) folded.insert(record.uid);
  for (const std::string& uid : acknowledged.folded) missing += folded.contains(uid) ? 0u : 1u;
  CHECK(missing == 0);
  CHECK(unread == 0);
}

}  // namespace

TEST_CASE("a killed process loses nothing that it was told to be written") {
  const DatabaseDirectory directory;
  Acknowledged acknowledged;
  for (int round = 0; round < 20; ++round) {
    const auto lines = std::size_t(1 + round * 7 % 13);
    const std::chrono::microseconds later(round * 997 % 3000);
    remember(killed_after(lines, later, directory.file(), round), acknowledged);
    check(directory.file(), acknowledged);
  }
  CHECK(acknowledged.statuses.size() >= 20);
  CHECK(acknowledged.folded.size() >= 12);
  CHECK(acknowledged.removed.size() >= 11);
}

TEST_CASE("a process killed while it makes the database leaves none or a whole one") {
  for (int round = 0; round < 20; ++round) {
    const DatabaseDirectory directory;
    Acknowledged acknowledged;
    const std::chrono::microseconds later(round * 700);
    remember(killed_after(0, later, directory.file(), round), acknowledged);
    check(directory.file(), acknowledged);
  }
}

}  // namespace kintsugi::incidents
