// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/lease.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "k8s-client/client/test_world.h"
#include "k8s-client/runtime/lease_elector.h"

using namespace kintsugi;
using namespace kintsugi::k8s;
using namespace std::chrono_literals;

namespace {

const WallTime kStamp{std::chrono::seconds(1'800'000'000)};

LeaseRecord held_by(const std::string& holder, std::int64_t transitions = 4,
                    const std::string& version = "7") {
  return {holder, 15s, kStamp, kStamp, transitions, version};
}

/// Makes a new lease the election's own. Returns what is stored.
LeaseRecord lead(LeaseElection& election, MonotonicTime now) {
  election.observe(std::nullopt, now);
  LeaseRecord stored = *election.propose(now, kStamp);
  stored.resource_version = "1";
  election.written(stored, now);
  return stored;
}

/// The API server's side: optimistic concurrency over one record. `before_answer` runs inside each call and
/// may turn its answer into an error after the effect.
class FakeLeaseStore final : public LeaseStore {
 public:
  ApiResult<std::optional<LeaseRecord>> get(std::chrono::nanoseconds timeout, std::stop_token) override {
    if (auto error = trouble("get", timeout)) return tl::unexpected(*error);
    return record;
  }

  ApiResult<LeaseRecord> put(const LeaseRecord& wanted, std::chrono::nanoseconds timeout,
                             std::stop_token) override {
    const std::string current = record ? record->resource_version : "";
    if (wanted.resource_version != current) {
      ApiError conflict;
      static_cast<Error&>(conflict) = make_error(ErrorCode::kConflict, "changed");
      conflict.http_status = 409;
      return tl::unexpected(conflict);
    }
    LeaseRecord stored = wanted;
    stored.resource_version = std::to_string(++version);
    if (!drop_writes) record = stored;
    if (auto error = trouble("put", timeout)) return tl::unexpected(*error);
    return stored;
  }

  using Hook =
      std::function<std::optional<ApiError>(std::string_view call, std::chrono::nanoseconds timeout)>;
  std::optional<LeaseRecord> record;
  Hook before_answer;
  bool drop_writes = false;
  int version = 100;

 private:
  std::optional<ApiError> trouble(std::string_view call, std::chrono::nanoseconds timeout) const {
    return before_answer ? before_answer(call, timeout) : std::nullopt;
  }
};

ApiError no_answer() {
  Error error = make_error(ErrorCode::kTimeout, "no answer");
  error.outcome_unknown = true;
  return transport_error(error, "lease");
}

struct Bench {
  ManualClock clock;
  Logger log{clock, LogLevel::kError, [](std::string_view) {}};
  FakeLeaseStore store;
  std::stop_source stop;
  std::vector<std::int64_t> started;
  std::atomic<int> lost = 0;

  LeaseElectorOptions options() {
    LeaseElectorOptions options;
    options.identity = "me";
    options.on_started = [this](std::int64_t token) { started.push_back(token); };
    options.on_lost = [this] { ++lost; };
    return options;
  }
  /// Runs the elector while time passes by itself.
  Result<void> run(LeaseElector& elector) {
    std::jthread mover([this](std::stop_token done) {
      while (!done.stop_requested()) {
        clock.advance(100ms);
        std::this_thread::sleep_for(200us);
      }
    });
    return elector.run(stop.get_token());
  }
};

/// How long after the last change of another one's lease a candidate leads. The change comes right after the
/// candidate's look at it, so that it is seen as late as can be.
std::chrono::nanoseconds time_to_lead_after(const LeaseRecord& change, std::uint64_t seed) {
  const LeapingClock clock;
  Logger log(clock, LogLevel::kError, [](std::string_view) {});
  FakeLeaseStore store;
  store.record = held_by("other");
  MonotonicTime changed{};
  int reads = 0;
  store.before_answer = [&](std::string_view call, auto) -> std::optional<ApiError> {
    if (call != "get" || ++reads != 3) return std::nullopt;
    store.record = change;
    changed = clock.monotonic();
    return no_answer();
  };
  std::stop_source stop;
  MonotonicTime led{};
  LeaseElectorOptions options;
  options.identity = "me";
  options.seed = seed;
  options.on_started = [&](auto) {
    led = clock.monotonic();
    stop.request_stop();
  };
  LeaseElector elector(options, store, clock, log);
  CHECK(elector.run(stop.get_token()));
  return led - changed;
}

}  // namespace

TEST_CASE("times that cannot work are refused (K8.1)") {
  CHECK(LeaseTimes{}.check());
  CHECK(LeaseTimes{15s, 10s, 2s}.request_timeout() == 5s);
  CHECK(LeaseTimes{3s, 1s, 100ms}.request_timeout() == 1s);
  const auto bad = GENERATE(LeaseTimes{10s, 10s, 2s}, LeaseTimes{15s, 15s, 2s}, LeaseTimes{15s, 2s, 2s},
                            LeaseTimes{15s, 2400ms, 2s}, LeaseTimes{15s, 10s, 0s}, LeaseTimes{15s, 10s, -1s},
                            LeaseTimes{15500ms, 10s, 2s});
  CHECK(bad.check().error().code == ErrorCode::kInvalidInput);
}

TEST_CASE(
    "a lease that does not exist is created, a released or expired one is taken with a higher token "
    "(K8.10)") {
  LeaseElection election("me", {});
  MonotonicTime now{1h};
  SECTION("none") {
    election.observe(std::nullopt, now);
    const auto record = election.propose(now, kStamp);
    REQUIRE(record);
    CHECK(record->resource_version.empty());
    CHECK(record->holder == "me");
    CHECK(record->transitions == 1);
    CHECK(record->duration == 15s);
  }
  SECTION("released") {
    election.observe(held_by("", 4), now);
    const auto record = election.propose(now, kStamp);
    REQUIRE(record);
    CHECK(record->transitions == 5);
    CHECK(record->resource_version == "7");
  }
  SECTION("held, then silent for its duration") {
    election.observe(held_by("other"), now);
    CHECK_FALSE(election.propose(now, kStamp));
    election.observe(held_by("other"), now + 14s);
    CHECK_FALSE(election.propose(now + 14999ms, kStamp));
    CHECK(election.propose(now + 15s, kStamp)->transitions == 5);
  }
  SECTION("held, then deleted") {
    election.observe(held_by("other", 4), now);
    election.observe(std::nullopt, now + 1s);
    const auto record = election.propose(now + 1s, kStamp);
    REQUIRE(record);
    CHECK(record->resource_version.empty());
    CHECK(record->transitions == 5);
  }
  SECTION("held, silent, and only labelled by somebody else meanwhile") {
    election.observe(held_by("other", 4, "7"), now);
    election.observe(held_by("other", 4, "8"), now + 14s);
    const auto record = election.propose(now + 15s, kStamp);
    REQUIRE(record);
    CHECK(record->resource_version == "8");
  }
}

TEST_CASE("only the local time of a change counts, never the stamps in the record (K8.2)") {
  LeaseElection election("me", {});
  MonotonicTime now{1h};
  LeaseRecord record = held_by("other");
  record.renewed = kStamp - 24h;
  election.observe(record, now);
  CHECK_FALSE(election.propose(now, kStamp));
  for (int i = 1; i < 10; ++i) {
    now += 10s;
    record.renewed += 1s;
    record.resource_version = std::to_string(100 + i);
    election.observe(record, now);
    CHECK_FALSE(election.propose(now + 14s, kStamp));
  }
  CHECK(election.propose(now + 15s, kStamp));
}

TEST_CASE("validity counts from the beginning of the request that renewed") {
  LeaseElection election("me", {});
  const MonotonicTime begun{1h};
  lead(election, begun);
  CHECK(election.leading());
  CHECK(election.valid_until() == begun + 10s);
  const auto renewal = election.propose(begun + 2s, kStamp + 2s);
  REQUIRE(renewal);
  CHECK(renewal->transitions == 1);
  CHECK(renewal->resource_version == "1");
  CHECK(renewal->acquired == kStamp);
  CHECK(renewal->renewed == kStamp + 2s);
}

TEST_CASE("a leader that sees anything but its own term has lost") {
  const auto seen =
      GENERATE(std::optional<LeaseRecord>(held_by("other", 1)), std::optional<LeaseRecord>(held_by("me", 2)),
               std::optional<LeaseRecord>(held_by("", 0)), std::optional<LeaseRecord>());
  LeaseElection election("me", {});
  const MonotonicTime now{1h};
  lead(election, now);
  election.observe(seen, now + 1s);
  CHECK_FALSE(election.leading());
}

TEST_CASE("a leader whose lease was labelled by somebody else renews it on the new version") {
  LeaseElection election("me", {});
  const MonotonicTime now{1h};
  LeaseRecord stored = lead(election, now);
  stored.resource_version = "2";
  election.observe(stored, now + 2s);
  CHECK(election.leading());
  CHECK(election.valid_until() == now + 10s);
  CHECK(election.propose(now + 2s, kStamp)->resource_version == "2");
  CHECK(election.propose(now + 2s, kStamp)->transitions == stored.transitions);
}

TEST_CASE("a lease with our name that we did not write is somebody else's") {
  LeaseElection election("me", {});
  const MonotonicTime now{1h};
  election.observe(held_by("me"), now);
  CHECK_FALSE(election.leading());
  CHECK_FALSE(election.propose(now, kStamp));
}

TEST_CASE("a write without an answer counts once it is found stored") {
  LeaseElection election("me", {});
  const MonotonicTime now{1h};
  election.observe(held_by("", 4), now);
  LeaseRecord sent = *election.propose(now, kStamp);
  election.outcome_unknown(sent, now);
  CHECK_FALSE(election.leading());
  sent.resource_version = "8";
  election.observe(sent, now + 5s);
  CHECK(election.leading());
  CHECK(election.valid_until() == now + 10s);
  CHECK(election.fencing_token() == 5);
}

TEST_CASE("of two candidates over one lease at most one leads at any time, whatever calls fail") {
  // Each candidate reads and writes at its own pace; calls fail or hang in a fixed pseudo-random way.
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    FakeLeaseStore store;
    LeaseElection candidates[] = {{"a", {}}, {"b", {}}};
    MonotonicTime now{1h};
    std::int64_t highest_token = -1;
    int terms = 0;
    for (int round = 0; round < 400; ++round) {
      now += std::chrono::milliseconds(random() % 4000);
      auto& candidate = candidates[random() % 2];
      const bool was_leading = candidate.leading() && now < candidate.valid_until();
      if (!was_leading) candidate.lose();
      candidate.observe(store.record, now);
      const WallTime stamp = kStamp + std::chrono::duration_cast<WallTime::duration>(now.time_since_epoch());
      if (auto record = candidate.propose(now, stamp)) {
        store.drop_writes = random() % 4 == 0;
        const bool answer_lost = store.drop_writes || random() % 4 == 0;
        const auto stored = store.put(*record, 5s, {});
        if (stored && !answer_lost) candidate.written(*stored, now);
        if (stored && answer_lost) candidate.outcome_unknown(*record, now);
      }
      const bool a = candidates[0].leading() && now < candidates[0].valid_until();
      const bool b = candidates[1].leading() && now < candidates[1].valid_until();
      CHECK_FALSE((a && b));
      if (candidate.leading() && !was_leading) {
        CHECK(candidate.fencing_token() > highest_token);
        highest_token = candidate.fencing_token();
        ++terms;
      }
    }
    CHECK(terms > 0);
  }
}

TEST_CASE("an elector leads, renews, and releases on a stop (K8.11)") {
  Bench bench;
  LeaseElector elector(bench.options(), bench.store, bench.clock, bench.log);
  int puts = 0;
  std::vector<bool> valid;
  bench.store.before_answer = [&](std::string_view call, auto) -> std::optional<ApiError> {
    if (call == "put" && ++puts > 1) valid.push_back(elector.still_valid(1s));
    if (puts == 20) bench.stop.request_stop();
    return std::nullopt;
  };
  CHECK(bench.run(elector));
  CHECK(bench.started == std::vector<std::int64_t>{1});
  CHECK(std::count(valid.begin(), valid.end(), true) == long(valid.size()));
  CHECK(bench.lost == 0);
  CHECK(bench.store.record->holder.empty());
  CHECK(bench.store.record->duration == 1s);
  CHECK_FALSE(elector.still_valid(0s));

  LeaseElector next(bench.options(), bench.store, bench.clock, bench.log);
  bench.stop = {};
  puts = 15;
  CHECK(bench.run(next));
  CHECK(bench.started == std::vector<std::int64_t>{1, 2});
}

TEST_CASE("a candidate takes over within the lease and two and a half seconds of the last renewal") {
  const auto seed = std::uint64_t(GENERATE(range(0, 20)));
  LeaseRecord renewed = held_by("other", 4, "8");
  renewed.renewed += 2s;
  const auto waited = time_to_lead_after(renewed, seed);
  CHECK(waited >= 15s);
  CHECK(waited <= 17500ms);
}

TEST_CASE("a candidate sees within two and a half seconds that the lease was released") {
  const auto seed = std::uint64_t(GENERATE(range(0, 20)));
  CHECK(time_to_lead_after({"", 1s, kStamp, kStamp, 4, "8"}, seed) <= 2500ms);
}

TEST_CASE("a term is above every token that is known, whatever the lease has lost count of (K8.10)") {
  const auto found = GENERATE(std::optional<LeaseRecord>(), std::optional<LeaseRecord>(held_by("", 2)),
                              std::optional<LeaseRecord>(held_by("", 41)));
  Bench bench;
  bench.store.record = found;
  LeaseElectorOptions options = bench.options();
  options.highest_known_token = [] { return 41; };
  LeaseElector elector(options, bench.store, bench.clock, bench.log);
  int puts = 0;
  bench.store.before_answer = [&](std::string_view call, auto) -> std::optional<ApiError> {
    if (call == "put" && ++puts == 3) bench.stop.request_stop();
    return std::nullopt;
  };
  CHECK(bench.run(elector));
  CHECK(bench.started == std::vector<std::int64_t>{42});
}

TEST_CASE("a stop before leadership writes nothing") {
  Bench bench;
  bench.store.record = held_by("other");
  LeaseElector elector(bench.options(), bench.store, bench.clock, bench.log);
  bench.store.before_answer = [&](std::string_view, auto) -> std::optional<ApiError> {
    bench.stop.request_stop();
    return std::nullopt;
  };
  CHECK(bench.run(elector));
  CHECK(bench.started.empty());
  CHECK(bench.store.record == held_by("other"));
}

TEST_CASE(
    "a lease whose calls hang is lost at the renew deadline, and the watchdog needs no I/O for it (K13.11)") {
  Bench bench;
  std::atomic<bool> bitten = false;
  MonotonicTime bitten_at{};
  Watchdog watchdog(bench.clock, [&] {
    bitten_at = bench.clock.monotonic();
    bitten = true;
  });
  std::jthread guard([&](std::stop_token stop) { watchdog.run(stop); });
  LeaseElector elector(bench.options(), bench.store, bench.clock, bench.log, &watchdog);
  MonotonicTime renewed{};
  std::chrono::nanoseconds longest{0};
  bench.store.before_answer = [&](std::string_view call,
                                  std::chrono::nanoseconds timeout) -> std::optional<ApiError> {
    longest = std::max(longest, timeout);
    if (!elector.fencing_token() && call == "put" && bench.started.empty()) {
      renewed = bench.clock.monotonic();
      return std::nullopt;
    }
    if (bench.started.empty()) return std::nullopt;
    while (!bitten) std::this_thread::sleep_for(1ms);  // hung: no timeout works
    CHECK_FALSE(elector.still_valid(0s));
    return no_answer();
  };
  const auto result = bench.run(elector);
  CHECK(result.error().reason == "LeadershipLost");
  CHECK(bench.lost == 1);
  CHECK(bitten_at >= renewed + 9s);
  CHECK(bitten_at < renewed + 15s);
  CHECK(longest <= 5s);
}

TEST_CASE("a leader that finds another holder has lost at once, in the middle of whatever it does (K13.12)") {
  Bench bench;
  LeaseElector elector(bench.options(), bench.store, bench.clock, bench.log);
  bench.store.before_answer = [&](std::string_view call, auto) -> std::optional<ApiError> {
    if (call == "put" && bench.store.version == 103) {
      CHECK(elector.still_valid(3s));
      bench.store.record = held_by("other", 9);
    }
    return std::nullopt;
  };
  CHECK(bench.run(elector).error().code == ErrorCode::kRefused);
  CHECK(bench.lost == 1);
  CHECK_FALSE(elector.still_valid(0s));
  CHECK(bench.store.record->holder == "other");
}

TEST_CASE("a leader whose lease is deleted or released has lost, and does not take it again by the way") {
  const auto after =
      GENERATE(std::optional<LeaseRecord>(), std::optional<LeaseRecord>(held_by("", 1, "900")));
  Bench bench;
  LeaseElector elector(bench.options(), bench.store, bench.clock, bench.log);
  bench.store.before_answer = [&](std::string_view call, auto) -> std::optional<ApiError> {
    if (call == "put" && bench.store.version == 103) bench.store.record = after;
    return std::nullopt;
  };
  CHECK(bench.run(elector).error().reason == "LeadershipLost");
  CHECK(bench.lost == 1);
  CHECK(bench.started == std::vector<std::int64_t>{1});
  CHECK(bench.store.record == after);
  CHECK_FALSE(elector.still_valid(0s));
}

TEST_CASE("close to its end a leadership is still valid, but not for what takes longer (K8.9)") {
  const LeapingClock clock;
  Logger log(clock, LogLevel::kError, [](std::string_view) {});
  FakeLeaseStore store;
  std::stop_source stop;
  LeaseElectorOptions options;
  options.identity = "me";
  LeaseElector elector(options, store, clock, log);
  std::vector<std::pair<bool, bool>> valid;  // without a margin, and for five seconds
  store.before_answer = [&](std::string_view call, auto) -> std::optional<ApiError> {
    if (call == "get" && elector.fencing_token() > 0) {
      valid.emplace_back(elector.still_valid(0s), elector.still_valid(5s));
      return no_answer();
    }
    return call == "put" && elector.fencing_token() > 0 ? std::optional(no_answer()) : std::nullopt;
  };
  CHECK(elector.run(stop.get_token()).error().reason == "LeadershipLost");
  CHECK(valid ==
        std::vector<std::pair<bool, bool>>{{true, true}, {true, true}, {true, false}, {true, false}});
}

TEST_CASE("renewals without an answer are found to have worked (K8.3)") {
  Bench bench;
  LeaseElector elector(bench.options(), bench.store, bench.clock, bench.log);
  int puts = 0;
  bench.store.before_answer = [&](std::string_view call, auto) -> std::optional<ApiError> {
    if (call != "put") return std::nullopt;
    if (++puts == 12) bench.stop.request_stop();
    return puts % 3 == 0 ? std::optional(no_answer()) : std::nullopt;
  };
  CHECK(bench.run(elector));
  CHECK(bench.lost == 0);
  CHECK(bench.store.record->holder.empty());
}

TEST_CASE("wrong options end the elector before it does anything") {
  Bench bench;
  auto options = bench.options();
  SECTION("times") {
    options.times.lease = 5s;
  }
  SECTION("identity") {
    options.identity.clear();
  }
  LeaseElector elector(options, bench.store, bench.clock, bench.log);
  CHECK(elector.run({}).error().code == ErrorCode::kInvalidInput);
  CHECK_FALSE(bench.store.record);
}

TEST_CASE("a watchdog that is moved on or disarmed does not bite") {
  ManualClock clock;
  std::atomic<int> bites = 0;
  Watchdog watchdog(clock, [&] { ++bites; });
  std::jthread guard([&](std::stop_token stop) { watchdog.run(stop); });
  for (int i = 0; i < 10; ++i) {
    watchdog.arm(clock.monotonic() + 10s);
    clock.advance(9s);
    std::this_thread::sleep_for(3ms);
  }
  watchdog.disarm();
  clock.advance(1h);
  std::this_thread::sleep_for(5ms);
  CHECK(bites == 0);
}
