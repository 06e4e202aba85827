// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/list_watch.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "k8s-client/runtime/testing/json_text.h"

using namespace kintsugi;
using namespace kintsugi::k8s;
using namespace kintsugi::k8s::testing;
using namespace std::chrono_literals;

namespace {

/// Writes deliveries down as words: "init", "+a", "-a" (by the first object name found), "done", "@7".
class Journal final : public ListWatchSink {
 public:
  void on_init() override { entries.emplace_back("init"); }
  void on_apply(RawJson object) override { entries.push_back("+" + name_of(object)); }
  void on_delete(RawJson object) override { entries.push_back("-" + name_of(object)); }
  void on_init_done() override { entries.emplace_back("done"); }
  void on_resource_version(std::string_view version) override {
    entries.push_back("@" + std::string(version));
  }
  void on_trouble(const Error&) override { ++troubles; }

  std::vector<std::string> take() { return std::exchange(entries, {}); }

  std::vector<std::string> entries;
  int troubles = 0;

 private:
  static std::string name_of(RawJson object) {
    const std::string key = R"("name":")";
    const auto start = object.text.find(key) + key.size();
    return std::string(object.text.substr(start, object.text.find('"', start) - start));
  }
};

/// A machine with a hand-cranked time.
struct Bench {
  Journal journal;
  ListWatch machine;
  MonotonicTime now{1h};

  explicit Bench(ListWatchOptions options = {}) : machine(std::move(options), journal) {}

  ListWatchStep next() { return machine.next(now); }
  ListParams next_list() { return std::get<ListStep>(next()).params; }
  WatchParams next_watch() { return std::get<WatchStep>(next()).params; }
  /// How long the machine wants to wait; the time is then there.
  std::chrono::nanoseconds waited() {
    const auto step = next();
    const auto* wait = std::get_if<WaitStep>(&step);
    if (!wait) return 0ns;
    const auto delay = wait->until - now;
    now = wait->until;
    return delay;
  }
  void page(std::string text) { machine.on_page(text, now); }
  bool bytes(std::string_view text) { return machine.on_watch_bytes(text, now); }
  /// Listed at version 10, watching.
  void start_watching() {
    next_list();
    page(testing::page("10", {pod("a", "9")}));
    next_watch();
    journal.take();
  }
};

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE(
    "the first listing asks for the most recent state, in pages whose version is that of the first (K1.1, "
    "K1.5)") {
  Bench bench;
  const ListParams first = bench.next_list();
  CHECK(first.limit == 500);
  CHECK(first.resource_version.empty());
  CHECK(first.resource_version_match.empty());
  bench.page(page("10", {pod("a", "1"), pod("b", "2")}, "token"));

  const ListParams second = bench.next_list();
  CHECK(second.continue_token == "token");
  CHECK(second.resource_version.empty());
  CHECK(second.limit == 500);
  bench.page(page("11", {pod("c", "3")}));

  CHECK(bench.journal.take() == Words{"init", "+a", "+b", "+c", "done", "@10"});
  const WatchParams watch = bench.next_watch();
  CHECK(watch.resource_version == "10");
  CHECK(watch.timeout_seconds >= 300);
  CHECK(watch.timeout_seconds <= 600);
  CHECK(bench.machine.counters().listings == 1);
}

TEST_CASE("selectors and metadata-only go into lists and watches") {
  ListWatchOptions options;
  options.label_selector = "app=web";
  options.field_selector = "spec.nodeName=n1";
  options.metadata_only = true;
  options.page_size = 7;
  Bench bench(options);
  const ListParams list = bench.next_list();
  CHECK(list.label_selector == "app=web");
  CHECK(list.field_selector == "spec.nodeName=n1");
  CHECK(list.metadata_only);
  CHECK(list.limit == 7);
  bench.page(page("1", {}));
  const WatchParams watch = bench.next_watch();
  CHECK(watch.label_selector == "app=web");
  CHECK(watch.field_selector == "spec.nodeName=n1");
  CHECK(watch.metadata_only);
}

TEST_CASE("events are delivered in order, and each moves the version (K2.2, K2.4)") {
  Bench bench;
  bench.start_watching();
  CHECK(bench.bytes(event("ADDED", pod("b", "11")) + event("MODIFIED", pod("a", "12")) +
                    event("DELETED", pod("b", "13"))));
  CHECK(bench.journal.take() == Words{"+b", "@11", "+a", "@12", "-b", "@13"});
  CHECK(bench.machine.resource_version() == "13");
  CHECK(bench.machine.counters().events == 3);
}

TEST_CASE("a watch may be split at every offset (K13.1)") {
  const std::string stream =
      event("ADDED", pod("b", "11")) + bookmark("12") + event("DELETED", pod("b", "13"));
  for (std::size_t at = 0; at <= stream.size(); ++at) {
    Bench bench;
    bench.start_watching();
    CHECK(bench.bytes(std::string_view(stream).substr(0, at)));
    CHECK(bench.bytes(std::string_view(stream).substr(at)));
    CHECK(bench.journal.take() == Words{"+b", "@11", "@12", "-b", "@13"});
  }
}

TEST_CASE(
    "the normal end of a watch is followed by another from the last version, at once and without a relist "
    "(K2.1)") {
  Bench bench;
  bench.start_watching();
  bench.now += 400s;
  bench.bytes(event("MODIFIED", pod("a", "12")));
  bench.machine.on_watch_end(bench.now);
  CHECK(bench.next_watch().resource_version == "12");
  CHECK(bench.journal.troubles == 0);
}

TEST_CASE("watch durations are spread (K2.1)") {
  Bench bench;
  bench.start_watching();
  std::uint32_t least = 1000;
  std::uint32_t most = 0;
  for (int i = 0; i < 100; ++i) {
    bench.now += 10s;
    bench.machine.on_watch_end(bench.now);
    const auto seconds = bench.next_watch().timeout_seconds;
    least = std::min(least, seconds);
    most = std::max(most, seconds);
  }
  CHECK(least >= 300);
  CHECK(most <= 600);
  CHECK(most - least > 200);
}

TEST_CASE("progress by bookmarks alone moves the version and delivers nothing (K2.3, K13.4)") {
  Bench bench;
  bench.start_watching();
  bench.bytes(bookmark("20") + bookmark("30"));
  CHECK(bench.journal.take() == Words{"@20", "@30"});
  bench.now += 10ms;
  bench.machine.on_watch_end(bench.now);
  CHECK(bench.next_watch().resource_version == "30");
  CHECK(bench.journal.troubles == 0);
  CHECK(bench.machine.counters().bookmarks == 2);
}

TEST_CASE("a last event without its newline counts, a cut one comes again (K2.2)") {
  const std::string line = event("ADDED", pod("b", "11"));
  for (std::size_t length = 0; length < line.size(); ++length) {
    Bench bench;
    bench.start_watching();
    bench.bytes(std::string_view(line).substr(0, length));
    bench.now += 10s;
    bench.machine.on_watch_end(bench.now);
    const bool whole = length == line.size() - 1;
    CHECK(bench.journal.take() == (whole ? Words{"+b", "@11"} : Words{}));
    CHECK(bench.next_watch().resource_version == (whole ? "11" : "10"));
  }
}

TEST_CASE("very short watches without progress back off instead of spinning, and keep the version (K2.7)") {
  Bench bench;
  bench.start_watching();
  std::chrono::nanoseconds total{0};
  for (int i = 0; i < 10; ++i) {
    bench.now += 5ms;
    bench.machine.on_watch_end(bench.now);
    const auto delay = bench.waited();
    const auto base = std::min<std::chrono::nanoseconds>(800ms * (1 << i), 30s);
    CHECK(delay >= base);
    CHECK(delay < 2 * base);
    total += delay;
    CHECK(bench.next_watch().resource_version == "10");
  }
  CHECK(total > 2min);
  CHECK(bench.machine.counters().listings == 1);
}

TEST_CASE("delays start small again after two healthy minutes (K2.9)") {
  Bench bench;
  bench.start_watching();
  for (int i = 0; i < 6; ++i) {
    bench.machine.on_watch_error(lost_connection(), bench.now);
    CHECK(bench.waited() > 0s);
    bench.next_watch();
  }
  bench.now += 121s;
  bench.machine.on_watch_error(lost_connection(), bench.now);
  CHECK(bench.waited() < 1600ms);
}

TEST_CASE("how each failure of a watch is answered (K2.5, K2.6, K2.8, K13.2, K13.5)") {
  struct Case {
    std::string what;
    ApiError error;
    bool relists;
    bool at_once;
    std::string version;  ///< asked for next
  };
  const ApiError half_open = transport_error(make_error(ErrorCode::kTimeout, "605 s of silence"), "pods");
  ApiError throttled = refusal(429, "TooManyRequests");
  throttled.retry_after = 7000ms;
  const auto c = GENERATE_COPY(
      Case{"expired", refusal(410, "Expired"), true, true, "10"},
      Case{"gone", refusal(410, "Gone"), true, true, "10"},
      Case{"version too large", refusal(504, "Timeout", "ResourceVersionTooLarge"), true, true, ""},
      Case{"throttled", throttled, false, false, "10"},
      Case{"connection lost", lost_connection(), false, false, "10"},
      Case{"half-open", half_open, false, false, "10"},
      Case{"unavailable", refusal(503, "ServiceUnavailable"), false, false, "10"},
      Case{"internal error", refusal(500, "InternalError"), true, false, "10"},
      Case{"forbidden", refusal(403, "Forbidden"), true, false, "10"},
      Case{"not found", refusal(404, "NotFound"), true, false, "10"});
  const bool in_stream = GENERATE(false, true);
  if (in_stream && !c.error.from_server()) return;
  INFO(c.what << (in_stream ? ", in the stream" : ", as an answer"));

  Bench bench;
  bench.start_watching();
  bench.now += 10s;
  if (in_stream) {
    const std::string cause = c.error.causes.empty() ? "" : c.error.causes.front().type;
    CHECK_FALSE(bench.bytes(event("ERROR", status(c.error.http_status, c.error.reason, cause))));
    bench.machine.on_watch_end(bench.now);
  } else {
    bench.machine.on_watch_error(c.error, bench.now);
  }
  CHECK((bench.waited() == 0s) == c.at_once);
  CHECK(bench.journal.troubles == 1);
  if (c.relists) {
    const ListParams list = bench.next_list();
    CHECK(list.resource_version == c.version);
    CHECK(list.resource_version_match == (c.version.empty() ? "" : "NotOlderThan"));
    CHECK(list.limit == (c.version.empty() ? 500u : 0u));
  } else {
    CHECK(bench.next_watch().resource_version == c.version);
    CHECK(bench.machine.counters().listings == 1);
  }
}

TEST_CASE("Retry-After is waited for where it is longer (K2.5)") {
  Bench bench;
  bench.start_watching();
  ApiError throttled = refusal(429, "TooManyRequests");
  throttled.retry_after = 90s;
  bench.machine.on_watch_error(throttled, bench.now);
  CHECK(bench.waited() == 90s);
}

TEST_CASE("a version that has expired for the relist too is given up at once (K1.4, K2.5)") {
  Bench bench;
  bench.start_watching();
  bench.machine.on_watch_error(refusal(410, "Expired"), bench.now);
  CHECK(bench.next_list().resource_version == "10");
  const ApiError error =
      GENERATE(refusal(410, "Expired"), refusal(504, "Timeout", "ResourceVersionTooLarge"));
  bench.machine.on_list_error(error, bench.now);
  CHECK(bench.waited() == 0s);
  const ListParams list = bench.next_list();
  CHECK(list.resource_version.empty());
  CHECK(list.limit == 500);

  SECTION("but a server that answers this with 410 as well is not hammered") {
    bench.machine.on_list_error(error, bench.now);
    CHECK(bench.waited() >= 800ms);
    CHECK(bench.next_list().resource_version.empty());
  }
  SECTION("and the version that comes is trusted again") {
    bench.page(page("5", {}));
    CHECK(bench.next_watch().resource_version == "5");
    bench.machine.on_watch_error(refusal(410, "Expired"), bench.now);
    bench.waited();
    CHECK(bench.next_list().resource_version == "5");
  }
}

TEST_CASE("a server that forgets every version at once does not make a hot loop (K2.9)") {
  Bench bench;
  bench.start_watching();
  std::chrono::nanoseconds total{0};
  for (int i = 0; i < 8; ++i) {
    bench.machine.on_watch_error(refusal(410, "Expired"), bench.now);
    total += bench.waited();
    bench.next_list();
    bench.page(page("10", {}));
    bench.next_watch();
  }
  CHECK(total > 60s);
}

TEST_CASE("410 on a later page restarts the listing in one page (K1.2, K13.2)") {
  Bench bench;
  bench.next_list();
  bench.page(page("10", {pod("a", "1")}, "token"));
  bench.next_list();
  bench.machine.on_list_error(refusal(410, "Expired"), bench.now);
  CHECK(bench.waited() == 0s);
  const ListParams again = bench.next_list();
  CHECK(again.continue_token.empty());
  CHECK(again.resource_version.empty());
  CHECK(again.limit == 0);
  bench.page(page("20", {pod("b", "2")}));
  CHECK(bench.journal.take() == Words{"init", "+a", "init", "+b", "done", "@20"});

  SECTION("and pages are used again next time") {
    bench.next_watch();
    bench.machine.on_watch_error(refusal(504, "Timeout", "ResourceVersionTooLarge"), bench.now);
    bench.waited();
    CHECK(bench.next_list().limit == 500);
  }
}

TEST_CASE("a page that was not answered is asked for again, a refused one starts over") {
  Bench bench;
  bench.next_list();
  bench.page(page("10", {pod("a", "1")}, "token"));
  bench.next_list();
  SECTION("lost connection") {
    bench.machine.on_list_error(lost_connection(), bench.now);
    CHECK(bench.waited() >= 800ms);
    CHECK(bench.next_list().continue_token == "token");
  }
  SECTION("internal error") {
    bench.machine.on_list_error(refusal(500, "InternalError"), bench.now);
    CHECK(bench.waited() >= 800ms);
    CHECK(bench.next_list().continue_token.empty());
  }
}

TEST_CASE("a relist that is too large for one page is made in several") {
  Bench bench;
  bench.start_watching();
  bench.machine.on_watch_error(refusal(410, "Expired"), bench.now);
  CHECK(bench.next_list().limit == 0);
  bench.machine.on_list_error(transport_error(make_error(ErrorCode::kTooLarge, "256 MiB"), "pods"),
                              bench.now);
  CHECK(bench.waited() >= 800ms);
  const ListParams list = bench.next_list();
  CHECK(list.limit == 500);
  CHECK(list.resource_version.empty());
}

TEST_CASE("a listing that cannot be read is started again after a wait") {
  Bench bench;
  bench.next_list();
  const std::string text = page("10", {pod("a", "1"), pod("b", "2")});
  bench.page(text.substr(0, text.size() - 10));
  const Words partial = bench.journal.take();
  CHECK(std::find(partial.begin(), partial.end(), "done") == partial.end());
  CHECK(bench.waited() >= 800ms);
  bench.next_list();
  bench.page(text);
  CHECK(bench.journal.take() == Words{"init", "+a", "+b", "done", "@10"});
}

TEST_CASE("bytes that are no events end the watch and cause a relist after a wait") {
  const std::string bytes = GENERATE("<html>\n", "{}\n", "{\"type\":\"ADDED\"}\n", "\"x\"\n");
  Bench bench;
  bench.start_watching();
  CHECK_FALSE(bench.bytes(bytes + event("ADDED", pod("b", "11"))));
  bench.machine.on_watch_end(bench.now);
  CHECK(bench.journal.take().empty());
  CHECK(bench.waited() >= 800ms);
  CHECK(bench.next_list().resource_version == "10");
}

TEST_CASE("a line over the limit ends the watch") {
  ListWatchOptions options;
  options.max_line_bytes = 1000;
  Bench bench(options);
  bench.start_watching();
  CHECK_FALSE(bench.bytes(std::string(1001, 'x')));
  CHECK(bench.waited() >= 800ms);
}

TEST_CASE("an event of an unknown type is passed over") {
  Bench bench;
  bench.start_watching();
  CHECK(bench.bytes(event("NOVELTY", pod("z", "11")) + event("ADDED", pod("b", "12"))));
  CHECK(bench.journal.take() == Words{"+b", "@12"});
}

TEST_CASE("an event without a version is delivered and moves nothing") {
  Bench bench;
  bench.start_watching();
  CHECK(bench.bytes(event("MODIFIED", R"({"metadata":{"name":"a"}})")));
  CHECK(bench.journal.take() == Words{"+a"});
  CHECK(bench.machine.resource_version() == "10");
}

TEST_CASE("synthetic ADDED events of a watch from nowhere are in no order (K2.4)") {
  const std::string from = GENERATE("", "0");
  Bench bench;
  bench.next_list();
  bench.page(page(from, {}));
  CHECK(bench.next_watch().resource_version == from);
  bench.journal.take();
  bench.bytes(event("ADDED", pod("a", "9")) + event("ADDED", pod("b", "3")));
  CHECK(bench.journal.take() == Words{"+a", "+b"});
  CHECK(bench.machine.resource_version() == from);
  bench.bytes(event("MODIFIED", pod("b", "11")) + event("ADDED", pod("c", "12")));
  CHECK(bench.journal.take() == Words{"+b", "@11", "+c", "@12"});
}

TEST_CASE("what changed during a listing comes by the watch from its version") {
  Bench bench;
  bench.next_list();
  bench.page(page("10", {pod("a", "9")}, "token"));
  bench.next_list();
  bench.page(page("10", {pod("b", "5")}));
  bench.next_watch();
  bench.bytes(event("DELETED", pod("a", "11")) + event("ADDED", pod("c", "12")));
  CHECK(bench.journal.take() == Words{"init", "+a", "+b", "done", "@10", "-a", "@11", "+c", "@12"});
}

TEST_CASE("an API server that is away for an hour is asked about a hundred times, and nothing is lost") {
  Bench bench;
  bench.start_watching();
  const MonotonicTime start = bench.now;
  int tries = 0;
  while (bench.now - start < 1h) {
    bench.machine.on_watch_error(lost_connection(), bench.now);
    bench.waited();
    CHECK(bench.next_watch().resource_version == "10");
    ++tries;
  }
  CHECK(tries > 60);
  CHECK(tries < 130);
}
