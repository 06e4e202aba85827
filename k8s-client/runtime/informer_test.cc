// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/informer.h"

#include <catch2/catch.hpp>
#include <deque>
#include <nlohmann/json.hpp>
#include <thread>

#include "k8s-client/runtime/testing/json_text.h"

using namespace kintsugi;
using namespace kintsugi::k8s;
using namespace kintsugi::k8s::testing;
using namespace std::chrono_literals;

namespace {

struct SlimPod : Object {
  std::string phase;
};

Result<SlimPod> project(RawJson json) {
  const auto parsed = nlohmann::json::parse(json.text, nullptr, false);
  const auto phase =
      parsed.is_object() ? parsed.value(nlohmann::json::json_pointer("/status/phase"), "") : "";
  if (phase == "unreadable") return fail(ErrorCode::kInvalidInput, "no such phase");
  SlimPod pod;
  pod.phase = phase;
  return pod;
}

/// Plays a script of listings and watches, then asks the informer to stop.
class ScriptedSource final : public ListWatchSource {
 public:
  struct Watch {
    std::string bytes;
    std::optional<ApiError> error;
    std::function<void()> before_end;
  };

  ApiResult<std::string> list_page(const ListParams& params, std::stop_token) override {
    lists.push_back(params);
    if (pages.empty()) return finish<std::string>();
    auto page = std::move(pages.front());
    pages.pop_front();
    return page;
  }

  ApiResult<void> watch(const WatchParams& params, std::stop_token, const net::BodySink& on_body) override {
    watches_from.push_back(params.resource_version);
    watch_seconds.push_back(params.timeout_seconds);
    if (watches.empty()) return finish<void>();
    const Watch watch = std::move(watches.front());
    watches.pop_front();
    for (const char c : watch.bytes) {
      if (!on_body(std::string_view(&c, 1))) return {};
    }
    if (watch.before_end) watch.before_end();
    if (watch.error) return tl::unexpected(*watch.error);
    return {};
  }

  std::deque<ApiResult<std::string>> pages;
  std::deque<Watch> watches;
  std::vector<ListParams> lists;
  std::vector<std::string> watches_from;
  std::vector<std::uint32_t> watch_seconds;
  std::stop_source stop;

 private:
  template <class T>
  ApiResult<T> finish() {
    stop.request_stop();
    return tl::unexpected(lost_connection());
  }
};

struct Bench {
  ManualClock clock;
  std::string logged;
  Logger log{clock, LogLevel::kDebug, [this](std::string_view line) { logged += line; }};
  ScriptedSource source;
  Informer<SlimPod> pods{source, project, {.name = "pods", .annotation_prefixes = {}}, clock, log};
  std::vector<std::string> changes;

  Bench() {
    pods.add_handler([this](const Change<SlimPod>& change) {
      const auto side = [](const std::shared_ptr<const SlimPod>& pod) {
        return pod ? pod->metadata.uid + ":" + pod->metadata.resource_version : std::string();
      };
      changes.push_back(side(change.old) + ">" + side(change.now) + (change.from_listing ? " listed" : ""));
    });
  }
  /// Runs the script to its end; waits of the machine are passed over.
  void run() {
    std::jthread mover([this](std::stop_token done) {
      while (!done.stop_requested()) {
        clock.advance(1min);
        std::this_thread::sleep_for(1ms);
      }
    });
    pods.run(source.stop.get_token());
  }
};

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE(
    "an informer holds what was listed and what the watch changed, and tells its handlers old and new "
    "(K4.2)") {
  Bench bench;
  bench.source.pages = {page("10", {pod("a", "1"), pod("b", "2")})};
  bench.source.watches = {{event("MODIFIED", pod("a", "11", "", "Failed")) + event("ADDED", pod("c", "12")) +
                               event("DELETED", pod("b", "13")),
                           {},
                           {}}};
  bench.run();
  CHECK(bench.changes == Words{">a:1 listed", ">b:2 listed", "a:1>a:11", ">c:12", "b:2>"});
  CHECK(bench.pods.size() == 2);
  CHECK(bench.pods.get({"shop", "a"})->phase == "Failed");
  CHECK_FALSE(bench.pods.get({"shop", "b"}));
  CHECK(bench.pods.resource_version_seen() == "13");
  CHECK(bench.source.watches_from == Words{"10", "13"});
}

TEST_CASE("a wait for a resource that the server does not serve says so, and for one in trouble what it is") {
  net::HttpResponse not_served;
  not_served.status = 404;
  not_served.body = "404 page not found\n";
  const auto [trouble, code, message] = GENERATE_COPY(table<ApiError, ErrorCode, std::string>(
      {{decode_api_error(not_served, "pods"), ErrorCode::kUnsupported, "does not serve this resource"},
       {refusal(404, "NotFound"), ErrorCode::kUnsupported, "does not serve this resource"},
       {refusal(403, "Forbidden"), ErrorCode::kTimeout, "no complete listing"},
       {lost_connection(), ErrorCode::kTimeout, "connection reset"}}));
  Bench bench;
  bench.source.pages = {tl::unexpected(trouble)};
  bench.run();
  const auto waited = bench.pods.wait_for_sync(bench.clock.monotonic(), {});
  REQUIRE_FALSE(waited);
  CHECK(waited.error().code == code);
  CHECK(waited.error().message.find(message) != std::string::npos);
}

TEST_CASE("informers of one process, and of two replicas, do not watch in step") {
  const auto watch_seconds = [](const char* name, std::uint64_t seed) {
    Bench bench;
    ScriptedSource source;
    source.pages = {page("10", {})};
    source.watches = {{bookmark("11"), {}, {}}, {bookmark("12"), {}, {}}, {bookmark("13"), {}, {}}};
    InformerOptions options{.name = name};
    options.list_watch.seed = seed;
    Informer<SlimPod> informer(source, project, options, bench.clock, bench.log);
    informer.run(source.stop.get_token());
    return source.watch_seconds;
  };
  CHECK(watch_seconds("pods", 1).size() == 4);
  CHECK(watch_seconds("pods", 1) == watch_seconds("pods", 1));
  CHECK(watch_seconds("pods", 1) != watch_seconds("pods", 2));
  CHECK(watch_seconds("pods", 1) != watch_seconds("services", 1));
}

TEST_CASE(
    "a relist synthesises deletes, passes over what is unchanged, and keeps those objects (K4.1, K13.8)") {
  Bench bench;
  std::shared_ptr<const SlimPod> kept;
  bench.source.pages = {page("10", {pod("a", "1"), pod("b", "2"), pod("c", "3")}),
                        page("20", {pod("a", "1"), pod("c", "15")})};
  bench.source.watches = {{"", refusal(410, "Expired"), [&] { kept = bench.pods.get({"shop", "a"}); }}};
  bench.run();
  CHECK(bench.changes ==
        Words{">a:1 listed", ">b:2 listed", ">c:3 listed", "c:3>c:15 listed", "b:2> listed"});
  CHECK(bench.source.lists.back().resource_version == "10");
  CHECK(bench.pods.get({"shop", "a"}) == kept);
  CHECK(bench.pods.counters().list_watch.listings == 2);
}

TEST_CASE("a name that came back with another UID is a deletion and an addition (K6.5, K13.9)") {
  const bool by_relist = GENERATE(true, false);
  Bench bench;
  bench.source.pages = {page("10", {pod("a", "1", "first")}), page("20", {pod("a", "15", "second")})};
  if (by_relist) {
    bench.source.watches = {{"", refusal(410, "Expired"), {}}};
  } else {
    bench.source.watches = {{event("MODIFIED", pod("a", "15", "second")), {}, {}}};
  }
  bench.run();
  const std::string suffix = by_relist ? " listed" : "";
  CHECK(bench.changes == Words{">first:1 listed", "first:1>" + suffix, ">second:15" + suffix});
}

TEST_CASE("an unfinished listing changes nothing") {
  Bench bench;
  bench.source.pages = {page("10", {pod("a", "1")}), page("20", {pod("b", "11")}, "token"),
                        tl::unexpected(refusal(410, "Expired")), page("30", {pod("a", "1"), pod("c", "12")})};
  bench.source.watches = {{"", refusal(410, "Expired"), {}}};
  bench.run();
  CHECK(bench.changes == Words{">a:1 listed", ">c:12 listed"});
}

TEST_CASE("one bad object is counted and passed over; its last good state stays (K4.6)") {
  Bench bench;
  const std::string nameless = R"({"metadata":{"uid":"x"}})";
  bench.source.pages = {
      page("10", {"7", "null", nameless, pod("a", "1"), pod("bad", "2", "", "unreadable"), pod("b", "3")}),
      page("20", {pod("a", "14", "", "unreadable"), pod("b", "3")})};
  bench.source.watches = {{event("MODIFIED", pod("b", "11", "", "unreadable")) +
                               event("ADDED", pod("c", "12")) + event("DELETED", nameless),
                           refusal(410, "Expired"),
                           {}}};
  bench.run();
  CHECK(bench.changes == Words{">a:1 listed", ">b:3 listed", ">c:12", "c:12> listed"});
  CHECK(bench.pods.counters().decode_failures == 7);
  CHECK(bench.pods.get({"shop", "a"})->metadata.resource_version == "1");
  CHECK(bench.logged.find("shop/bad") != std::string::npos);
}

TEST_CASE("an informer has synced once its handlers have seen the first listing, not before (K4.4)") {
  Bench bench;
  std::vector<bool> synced;
  bench.pods.add_handler([&](const Change<SlimPod>&) { synced.push_back(bench.pods.has_synced()); });
  bench.source.pages = {page("10", {pod("a", "1")}, "token"), page("10", {pod("b", "2")})};
  bench.source.watches = {{event("ADDED", pod("c", "12")), {}, {}}};
  bench.run();
  CHECK(synced == std::vector<bool>{false, false, true});
}

TEST_CASE("waiting for the sync ends with the sync, the deadline or the stop") {
  Bench bench;
  CHECK(bench.pods.wait_for_sync(bench.clock.monotonic(), {}).error().code == ErrorCode::kTimeout);
  std::stop_source stop;
  stop.request_stop();
  CHECK(bench.pods.wait_for_sync(MonotonicTime::max(), stop.get_token()).error().code ==
        ErrorCode::kCancelled);
  bench.source.pages = {page("10", {})};
  bench.run();
  CHECK(bench.pods.wait_for_sync(bench.clock.monotonic(), {}));
}

TEST_CASE("a writer can tell whether the copy contains its write (K6.3)") {
  Bench bench;
  CHECK_FALSE(bench.pods.has_seen("1"));
  bench.source.pages = {page("99", {})};
  bench.source.watches = {{bookmark("100"), {}, {}}};
  bench.run();
  CHECK(bench.pods.has_seen("99"));
  CHECK(bench.pods.has_seen("100"));
  CHECK_FALSE(bench.pods.has_seen("101"));
  CHECK(bench.pods.has_seen("not-a-version"));
}

TEST_CASE("indexes follow additions, changes and deletions (K4.5)") {
  Bench bench;
  bench.pods.add_index("namespace", index_by_namespace());
  bench.pods.add_index("phase", [](const SlimPod& pod) { return std::vector<std::string>{pod.phase}; });
  const auto names = [&](std::string_view index, const std::string& value) {
    Words found;
    for (const auto& pod : bench.pods.by_index(index, value)) found.push_back(pod->metadata.key.name);
    std::sort(found.begin(), found.end());
    return found;
  };
  bench.source.pages = {page("10", {pod("a", "1"), pod("b", "2"), pod("c", "3", "", "Failed")})};
  bench.source.watches = {
      {event("MODIFIED", pod("a", "11", "", "Failed")) + event("DELETED", pod("c", "12")), {}, [&] {
         CHECK(names("phase", "Failed") == Words{"a"});
         CHECK(names("phase", "Running") == Words{"b"});
       }}};
  bench.run();
  CHECK(names("namespace", "shop") == Words{"a", "b"});
  CHECK(names("namespace", "other").empty());
  CHECK(names("no-such-index", "x").empty());
}

TEST_CASE("trouble is logged and counted, and never ends the informer") {
  Bench bench;
  bench.source.pages = {tl::unexpected(lost_connection()), tl::unexpected(refusal(403, "Forbidden")),
                        std::string("<html>"), page("10", {pod("a", "1")})};
  bench.source.watches = {{"", lost_connection(), {}}, {"garbage\n", {}, {}}};
  bench.run();
  CHECK(bench.pods.get({"shop", "a"}));
  CHECK(bench.pods.counters().list_watch.troubles == 5);
  CHECK(bench.logged.find("connection reset") != std::string::npos);
}
