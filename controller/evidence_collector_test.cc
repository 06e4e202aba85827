// SPDX-License-Identifier: Apache-2.0
#include "controller/evidence_collector.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/testing/scratch_directory.h"
#include "k8s-client/client/test_world.h"

namespace kintsugi::controller {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const json kPod = parse_json(R"({
  "metadata": {"name": "web-1", "namespace": "shop", "uid": "u-1"},
  "spec": {"containers": [{"name": "web"}]},
  "status": {"containerStatuses": [{"name": "web", "restartCount": 0}]}})")
                      .value();

Incident incident() {
  Incident incident;
  incident.name = "inc-1";
  incident.spec.target.name_space = "shop";
  incident.spec.target.name = "web-1";
  incident.spec.target.uid = "u-1";
  return incident;
}

/// A pod on a server that is a function, and a directory.
struct Fixture {
  Fixture() {
    world.transport.serve([this](const net::HttpRequest& request) -> Result<net::HttpResponse> {
      priorities.push_back(request.priority);
      if (request.url.find("/log?") != std::string::npos) return k8s::answer(log_status, log);
      if (request.url.find("/events") != std::string::npos) return k8s::answer(200, R"({"items":[]})");
      if (pods_down > 0 && pods_down-- > 0) return k8s::answer(500, k8s::failure(500, "InternalError"));
      return k8s::answer(200, json_text(kPod));
    });
  }

  Result<Collected> collect(const CollectStep& step = {}, std::chrono::nanoseconds time = 20s,
                            std::stop_token stop = {}) {
    return collector.collect(incident(), step, world.clock.monotonic() + time, std::move(stop));
  }
  json manifest() const {
    const auto text = read_file(directory.path() + "/inc-1/manifest.json", 1u << 20);
    return text ? parse_json(*text).value() : json();
  }
  json file(const std::string& path) const {
    const json all = manifest();
    for (const json& one : all["files"]) {
      if (one["path"] == path) return one;
    }
    return {};
  }

  std::string log = "a line\n";
  int log_status = 200;
  int pods_down = 0;
  std::vector<net::Priority> priorities;
  ScratchDirectory directory;
  k8s::TestWorld world;
  Logger logger{world.clock, LogLevel::kError, [](std::string_view) {}};
  k8s::Client client = world.client([this](const auto&, const auto&, auto, const auto& on_message, auto&) {
    on_message(std::string("\x01", 1) + exec_output);
    if (exec_status) on_message(std::string("\x03", 1) + R"({"status":"Success"})");
    return Result<void>();
  });
  std::string exec_output = "1 init\n";
  bool exec_status = true;
  targets::ClusterCache cache{client, world.clock, logger};
  targets::PodTarget target{client, cache};
  metrics::Registry metrics{{}};
  evidence::DirectoryStore store{directory.path(), {}, world.clock};
  EvidenceCollector collector{&store, client, target, metrics, world.clock};
};

Collected collected(std::vector<std::string> failures = {}) {
  return {"/evidence/inc-1", "hash", std::move(failures), true, true};
}

}  // namespace

TEST_CASE("what a collection says about the evidence") {
  Collected gone_with_the_pod = collected();
  gone_with_the_pod.is_durable = false;
  Collected without_pod = collected({"pod"});
  without_pod.has_definition = false;
  struct Case {
    Collected collected;
    ConditionStatus status;
    std::string reason, said;
  };
  const Case cases[] = {
      {collected(), ConditionStatus::kTrue, "Complete", "/evidence/inc-1"},
      {collected({"logs/web", "sockets/web"}), ConditionStatus::kTrue, "Partial",
       "without logs/web, sockets/web"},
      {collected({"screenshot", "memory"}), ConditionStatus::kTrue, "MemoryMissing",
       "without screenshot, memory"},
      {without_pod, ConditionStatus::kFalse, "PodManifestMissing", "manifest"},
      {gone_with_the_pod, ConditionStatus::kFalse, "StoreNotDurable", "persistent volume"},
  };
  for (const Case& c : cases) {
    INFO(c.reason);
    const auto finding = judge_collection(c.collected, 1, true, kPodWords);
    REQUIRE(finding);
    CHECK(finding->status == c.status);
    CHECK(finding->reason == c.reason);
    CHECK(finding->message.find(c.said) != std::string::npos);
  }
}

TEST_CASE("a collection that failed is tried again while there is a pod, a few times") {
  const Result<Collected> failed = fail(ErrorCode::kInternal, "no space left on device");
  CHECK_FALSE(judge_collection(failed, 1, true, kPodWords));
  CHECK_FALSE(judge_collection(failed, kMaxCollections - 1, true, kPodWords));
  const auto last = judge_collection(failed, kMaxCollections, true, kPodWords);
  const auto gone = judge_collection(failed, 1, false, kPodWords);
  const auto no_store =
      judge_collection(fail(ErrorCode::kUnsupported, "there is no evidence store"), 1, true, kPodWords);
  for (const auto& finding : {last, gone, no_store}) {
    REQUIRE(finding);
    CHECK(finding->reason == "CollectionFailed");
    CHECK(finding->status == ConditionStatus::kFalse);
  }
  CHECK(last->message.find("no space left") != std::string::npos);
}

TEST_CASE("attempts are counted, wait for their time, and are forgotten") {
  const ManualClock clock;
  CollectionResults results;
  CHECK(results.attempts("inc-1") == 0);
  CHECK_FALSE(results.take("inc-1"));
  for (int i = 1; i <= 2; ++i) {
    results.keep("inc-1", fail(ErrorCode::kInternal, "no"));
    CHECK(results.take("inc-1"));
    CHECK_FALSE(results.take("inc-1"));
    CHECK(results.attempts("inc-1") == i);
  }
  results.postpone("inc-1", clock.monotonic() + 5s);
  CHECK(results.next_attempt("inc-1") == clock.monotonic() + 5s);
  CHECK_FALSE(results.take_progress("inc-1"));
  results.set_progress("inc-1", "a quarter");
  results.set_progress("inc-1", "half");
  CHECK(results.take_progress("inc-1") == "half");
  CHECK_FALSE(results.take_progress("inc-1"));
  results.forget("inc-1");
  CHECK(results.attempts("inc-1") == 0);
  CHECK(results.next_attempt("inc-1") <= clock.monotonic());
}

TEST_CASE("everything is asked for in the background and kept whole where it is short") {
  Fixture fixture;
  const auto collected = fixture.collect();
  REQUIRE(collected);
  CHECK(collected->failures.empty());
  CHECK(collected->has_definition);
  for (const char* path : {"pod.json", "owners.json", "events.json", "logs/web.log", "processes/web.txt",
                           "sockets/web.txt", "restarts.json"}) {
    INFO(path);
    CHECK(fixture.file(path).is_object());
    CHECK_FALSE(fixture.file(path).contains("truncated"));
  }
  for (const net::Priority priority : fixture.priorities) CHECK(priority == net::Priority::kBackground);
}

TEST_CASE("of a log that is too long the newest lines are kept, and the manifest says so") {
  Fixture fixture;
  const std::string line(1023, 'x');
  fixture.log.clear();
  for (int i = 0; i < 9 * 1024; ++i) fixture.log += line + "\n";
  fixture.log += "the newest line\n";
  const auto collected = fixture.collect({.processes = false, .sockets = false, .events = false});
  REQUIRE(collected);
  CHECK(collected->failures.empty());
  CHECK(fixture.file("logs/web.log")["truncated"] == true);
  const auto text = read_file(fixture.directory.path() + "/inc-1/logs/web.log", 16u << 20);
  REQUIRE(text);
  CHECK(text->size() <= 8u << 20);
  CHECK(text->size() > (8u << 20) - 2048);
  CHECK(text->starts_with(line + "\n"));
  CHECK(text->ends_with("x\nthe newest line\n"));
}

TEST_CASE("a log whose newest part is out of reach is kept, and is a failure, too") {
  Fixture fixture;
  fixture.log = std::string(17u << 20, 'x');
  const auto collected = fixture.collect({.processes = false, .sockets = false, .events = false});
  REQUIRE(collected);
  CHECK(collected->failures == std::vector<std::string>{"logs/web"});
  CHECK(fixture.file("logs/web.log")["truncated"] == true);
  CHECK(fixture.file("logs/web.log")["bytes"] == 8u << 20);
}

TEST_CASE("what a command could say before it was cut off is kept, and marked") {
  Fixture fixture;
  fixture.exec_output = std::string((1u << 20) + 1, 'p');
  fixture.exec_status = false;
  const auto collected = fixture.collect({.logs = false, .sockets = false, .events = false});
  REQUIRE(collected);
  CHECK(collected->failures.empty());
  CHECK(fixture.file("processes/web.txt")["truncated"] == true);
  CHECK(fixture.file("processes/web.txt")["bytes"] == 1u << 20);
}

TEST_CASE("a job that waited past its deadline still keeps the pod's manifest, and nothing else delays it") {
  Fixture fixture;
  fixture.pods_down = 2;
  const MonotonicTime before = fixture.world.clock.monotonic();
  const auto collected = fixture.collect({}, -1s);
  REQUIRE(collected);
  CHECK(collected->has_definition);
  CHECK(collected->failures ==
        std::vector<std::string>{"events", "logs/web", "processes/web", "sockets/web", "restarts"});
  CHECK(fixture.world.clock.monotonic() - before <= 2s);
}

TEST_CASE("a full evidence directory is a failure of what does not fit") {
  Fixture fixture;
  evidence::DirectoryStore small(fixture.directory.path(), {.total_bytes = 256u << 10}, fixture.world.clock);
  EvidenceCollector collector(&small, fixture.client, fixture.target, fixture.metrics, fixture.world.clock);
  fixture.log = std::string(300u << 10, 'x');
  const auto collected = collector.collect(incident(), {}, fixture.world.clock.monotonic() + 20s, {});
  REQUIRE(collected);
  CHECK(collected->has_definition);
  CHECK(collected->failures == std::vector<std::string>{"logs"});
  CHECK(fixture.manifest()["failures"][0]["message"].get<std::string>().find("--evidence-max-bytes") !=
        std::string::npos);
}

TEST_CASE("a collection that was stopped vouches for nothing") {
  Fixture fixture;
  std::stop_source stop;
  stop.request_stop();
  const auto collected = fixture.collect({}, 20s, stop.get_token());
  REQUIRE_FALSE(collected);
  CHECK(collected.error().code == ErrorCode::kCancelled);
  CHECK(fixture.manifest().is_null());
}

TEST_CASE("a place is given to one at a time, until the deadline") {
  k8s::LeapingClock clock;
  Slots slots(1, clock);
  const auto in_a_second = [&] { return clock.monotonic() + 1s; };
  {
    const Slots::Turn turn = slots.wait(in_a_second(), {});
    CHECK(turn);
    CHECK_FALSE(slots.wait(in_a_second(), {}));
  }
  CHECK(slots.wait(in_a_second(), {}));
  CHECK_FALSE(slots.wait(clock.monotonic() - 1s, {}));
  std::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(slots.wait(in_a_second(), stop.get_token()));
}

}  // namespace kintsugi::controller
