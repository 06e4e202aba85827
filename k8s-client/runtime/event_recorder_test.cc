// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/event_recorder.h"

#include <catch2/catch.hpp>
#include <deque>
#include <nlohmann/json.hpp>
#include <thread>

#include "k8s-client/runtime/testing/json_text.h"

using namespace kintsugi;
using namespace kintsugi::k8s;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

EventNote isolated(const std::string& pod = "web-1", const std::string& note = "isolated") {
  return {EventType::kWarning, "Isolate", "Isolated", note, {"v1", "Pod", {"shop", pod}, "u1"}};
}

struct Aggregating {
  ManualClock clock;
  EventAggregator aggregator{"kintsugi.dev/controller", "kintsugi-0"};

  std::optional<EventWrite> record(const EventNote& note) {
    return aggregator.record(note, clock.now(), clock.monotonic());
  }
  std::vector<EventWrite> sweep_after(std::chrono::nanoseconds time) {
    clock.advance(time);
    return aggregator.sweep(clock.monotonic());
  }
};

/// Remembers what was asked, answers from a script and then with success.
class FakeSink final : public EventSink {
 public:
  ApiResult<void> create(const std::string& name_space, const std::string& event, std::stop_token) override {
    return answer("create " + name_space + " " + json::parse(event)["reason"].get<std::string>());
  }
  ApiResult<void> patch(const ObjectKey&, const std::string& patch, std::stop_token) override {
    return answer("patch " + json::parse(patch)[0]["value"]["count"].dump());
  }

  std::deque<std::optional<ApiError>> answers;
  std::vector<std::string> calls;
  std::size_t stop_after = 1;
  std::stop_source stop;

 private:
  ApiResult<void> answer(std::string call) {
    calls.push_back(std::move(call));
    if (calls.size() == stop_after) stop.request_stop();
    if (answers.empty()) return {};
    const auto error = answers.front();
    answers.pop_front();
    if (error) return tl::unexpected(*error);
    return {};
  }
};

struct Recording {
  ManualClock clock;
  Logger log{clock, LogLevel::kError, [](std::string_view) {}};
  FakeSink sink;
  EventRecorder recorder{EventAggregator("kintsugi.dev/controller", "kintsugi-0"), sink, clock, log};

  void run(std::chrono::nanoseconds speed = 1s) {
    std::jthread mover([&](std::stop_token done) {
      while (!done.stop_requested()) {
        clock.advance(speed);
        std::this_thread::sleep_for(200us);
      }
    });
    recorder.run(sink.stop.get_token());
  }
};

}  // namespace

TEST_CASE("the first event is created with everything the API wants (K9.1, K9.6)") {
  Aggregating bench;
  EventNote note = isolated();
  note.related = ObjectReference{"kintsugi.dev/v1alpha1", "Incident", {"kintsugi", "inc-1"}, "u2"};
  const auto write = bench.record(note);
  REQUIRE(write);
  CHECK_FALSE(write->is_patch);
  CHECK(write->key.name_space == "shop");
  CHECK(write->key.name == "web-1.18867251edfa0000");
  const json event = json::parse(write->whole_event);
  CHECK(event == json::parse(R"({"apiVersion":"events.k8s.io/v1","kind":"Event",
    "metadata":{"name":"web-1.18867251edfa0000","namespace":"shop"},
    "eventTime":"2026-01-01T00:00:00.000000Z","type":"Warning","action":"Isolate","reason":"Isolated",
    "note":"isolated","reportingController":"kintsugi.dev/controller","reportingInstance":"kintsugi-0",
    "regarding":{"apiVersion":"v1","kind":"Pod","namespace":"shop","name":"web-1","uid":"u1"},
    "related":{"apiVersion":"kintsugi.dev/v1alpha1","kind":"Incident","namespace":"kintsugi","name":"inc-1","uid":"u2"}})"));
}

TEST_CASE("the second of the same makes a series, more are counted and written rarely (K9.2)") {
  Aggregating bench;
  const auto first = bench.record(isolated());
  bench.clock.advance(1s);
  const auto second = bench.record(isolated("web-1", "another text"));
  REQUIRE(second);
  CHECK(second->is_patch);
  CHECK(second->key == first->key);
  CHECK(
      json::parse(second->patch) ==
      json::parse(
          R"([{"op":"add","path":"/series","value":{"count":2,"lastObservedTime":"2026-01-01T00:00:01.000000Z"}}])"));
  for (int i = 0; i < 29; ++i) {
    bench.clock.advance(1min);
    CHECK_FALSE(bench.record(isolated()));
    CHECK(bench.aggregator.sweep(bench.clock.monotonic()).empty());
  }
  bench.clock.advance(1min);
  bench.record(isolated());
  const auto refreshed = bench.aggregator.sweep(bench.clock.monotonic());
  REQUIRE(refreshed.size() == 1);
  CHECK(json::parse(refreshed[0].patch)[0]["value"]["count"] == 32);
  CHECK(json::parse(refreshed[0].whole_event)["series"]["count"] == 32);
}

TEST_CASE("six silent minutes finish a series; the next one is an event of its own (K9.2)") {
  Aggregating bench;
  const auto first = bench.record(isolated());
  SECTION("a series writes what was not written") {
    bench.record(isolated());
    bench.record(isolated());
    CHECK(bench.sweep_after(5min).empty());
    const auto last = bench.sweep_after(1min);
    REQUIRE(last.size() == 1);
    CHECK(json::parse(last[0].patch)[0]["value"]["count"] == 3);
  }
  SECTION("a single event writes nothing") {
    CHECK(bench.sweep_after(6min).empty());
  }
  CHECK(bench.aggregator.size() == 0);
  const auto again = bench.record(isolated());
  REQUIRE(again);
  CHECK_FALSE(again->is_patch);
  CHECK(again->key != first->key);
}

TEST_CASE("events that differ in anything but the note are different events (K9.1)") {
  Aggregating bench;
  bench.record(isolated());
  EventNote other = isolated();
  SECTION("type") {
    other.type = EventType::kNormal;
  }
  SECTION("action") {
    other.action = "Release";
  }
  SECTION("reason") {
    other.reason = "Failed";
  }
  SECTION("uid") {
    other.regarding.uid = "u9";
  }
  SECTION("related") {
    other.related = ObjectReference{"v1", "Node", {"", "n1"}, ""};
  }
  const auto write = bench.record(other);
  REQUIRE(write);
  CHECK_FALSE(write->is_patch);
}

TEST_CASE("names stay unique and valid, whatever the object is called") {
  Aggregating bench;
  EventNote note = isolated("_System:Node_A-");
  CHECK(bench.record(note)->key.name == "system-node-a.18867251edfa0000");
  note.reason = "Again";
  CHECK(bench.record(note)->key.name == "system-node-a.18867251edfa0001");
  note = isolated(std::string(253, 'x'));
  CHECK(bench.record(note)->key.name.size() == 253);
  note.regarding = {"v1", "Node", {"", "n1"}, ""};
  CHECK(bench.record(note)->key.name_space == "default");
}

TEST_CASE("notes are escaped and cut to 1024 bytes (K9.6)") {
  Aggregating bench;
  const auto write = bench.record(isolated("web-1", "\x1b[2J\n" + std::string(5000, 'x')));
  const std::string note = json::parse(write->whole_event)["note"];
  CHECK(note.size() <= 1024);
  CHECK(note.substr(0, 8) == "\\x1b[2J\\");
}

TEST_CASE("a recorder writes what is recorded, in order") {
  Recording bench;
  bench.recorder.record(isolated("web-1"));
  bench.recorder.record(isolated("web-1"));
  bench.recorder.record(isolated("web-2"));
  bench.sink.stop_after = 3;
  bench.run();
  CHECK(bench.sink.calls ==
        std::vector<std::string>{"create shop Isolated", "patch 2", "create shop Isolated"});
  CHECK(bench.recorder.counters().written == 3);
}

TEST_CASE("a series whose Event has expired is created anew") {
  Recording bench;
  bench.recorder.record(isolated());
  bench.recorder.record(isolated());
  bench.sink.answers = {std::nullopt, k8s::testing::refusal(404, "NotFound")};
  bench.sink.stop_after = 3;
  bench.run();
  CHECK(bench.sink.calls ==
        std::vector<std::string>{"create shop Isolated", "patch 2", "create shop Isolated"});
}

TEST_CASE("writes are retried twelve times about every ten seconds where that can help (K9.3)") {
  Recording bench;
  SECTION("unreachable") {
    bench.sink.answers.assign(12, k8s::testing::lost_connection());
    bench.recorder.record(isolated());
    bench.recorder.record(isolated("web-2"));
    bench.sink.stop_after = 13;
    const MonotonicTime start = bench.clock.monotonic();
    bench.run();
    CHECK(bench.clock.monotonic() - start >= 11 * 7500ms);
    CHECK(bench.recorder.counters().failed == 1);
    CHECK(bench.recorder.counters().written == 1);
  }
  SECTION("heard although no answer came") {
    bench.sink.answers = {k8s::testing::lost_connection(), k8s::testing::refusal(409, "AlreadyExists")};
    bench.recorder.record(isolated());
    bench.sink.stop_after = 2;
    bench.run();
    CHECK(bench.recorder.counters().written == 1);
  }
  SECTION("forbidden") {
    bench.sink.answers = {k8s::testing::refusal(403, "Forbidden")};
    bench.recorder.record(isolated());
    bench.run();
    CHECK(bench.recorder.counters().failed == 1);
  }
}

TEST_CASE("a full queue drops and counts, and recording never waits (K9.3)") {
  Recording bench;
  for (int i = 0; i < 1005; ++i) bench.recorder.record(isolated("p" + std::to_string(i)));
  CHECK(bench.recorder.counters().recorded == 1005);
  CHECK(bench.recorder.counters().dropped == 5);
}

TEST_CASE("the last count of a series is written without another event") {
  Recording bench;
  for (int i = 0; i < 5; ++i) bench.recorder.record(isolated());
  bench.sink.stop_after = 3;
  bench.run(10s);
  CHECK(bench.sink.calls == std::vector<std::string>{"create shop Isolated", "patch 2", "patch 5"});
}
