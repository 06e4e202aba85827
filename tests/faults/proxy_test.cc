// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/proxy.h"

#include <atomic>
#include <catch2/catch.hpp>

#include "net/test_server.h"
#include "sandbox/sandbox.h"

using namespace kintsugi;
using namespace kintsugi::faults;
using namespace std::chrono_literals;
using net::TestServer;

namespace {

/// A server that counts what reaches it, behind a proxy.
struct Way {
  std::atomic<int> reached{0};
  std::mutex mutex;
  std::vector<std::shared_ptr<net::BodyWriter>> watches;
  TestServer server{options()};
  Proxy proxy{Upstream{"http://127.0.0.1:" + std::to_string(server.port()), {}, {}}};
  std::unique_ptr<net::HttpTransport> transport = net::make_curl_transport({});

  net::ServerOptions options() {
    net::ServerOptions options;
    options.handle = [this](const net::ServerRequest& request, std::unique_ptr<net::Responder> responder) {
      ++reached;
      if (request.query != "watch=true") {
        return responder->respond(
            net::text_response(200, request.method + " " + request.target + " " + request.body));
      }
      auto writer = responder->start_stream(net::text_response(200, ""));
      writer->write("first\n");
      const std::lock_guard lock(mutex);
      watches.push_back(std::move(writer));
    };
    return options;
  }

  Result<net::HttpResponse> send(const std::string& method, const std::string& target,
                                 std::string body = "") {
    net::HttpRequest request = net::post(proxy.url() + target, std::move(body));
    request.method = method;
    return transport->send(request, {});
  }
};

Rule rule(Fault fault) {
  Rule out;
  out.fault = fault;
  return out;
}

}  // namespace

TEST_CASE("the proxy passes requests and answers on, and counts them") {
  Way way;
  way.proxy.begin();
  const auto response = way.send("PATCH", "/api/v1/pods/a?dryRun=All", "[1]");
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK(response->body == "PATCH /api/v1/pods/a?dryRun=All [1]");
  CHECK(*response->headers.find("content-type") == "text/plain");
  REQUIRE(way.send("GET", "/healthz"));
  const auto calls = way.proxy.calls();
  REQUIRE(calls.size() == 2);
  CHECK(calls[0].to_string() == "1 PATCH /api/v1/pods/a?dryRun=All 200");
  CHECK(calls[0].body == "[1]");
  CHECK(calls[1].number == 2);
}

TEST_CASE("a call that is cut before the server acts never reaches it") {
  Way way;
  std::atomic<int> hooked = 0;
  Rule cut = rule({.kind = Fault::Kind::kCutBefore});
  cut.number = 2;
  cut.hook = [&](const Call& call) { hooked = int(call.number); };
  way.proxy.begin({cut});
  CHECK(way.send("POST", "/a", "x"));
  const auto failed = way.send("POST", "/a", "x");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().outcome_unknown);
  CHECK(hooked == 2);
  CHECK(way.reached == 1);
  CHECK(way.send("POST", "/a", "x"));
}

TEST_CASE("a call that is cut after the server acted has reached it, and the client does not know") {
  Way way;
  way.proxy.begin({rule({.kind = Fault::Kind::kCutAfter})});
  const auto failed = way.send("POST", "/a", "x");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().outcome_unknown);
  CHECK(way.reached == 1);
  REQUIRE(way.proxy.wait_quiet(0ms, 1s));
  CHECK(way.proxy.calls().front().status == 200);
}

TEST_CASE("answers are made up in the server's place, by method and path, at most so often") {
  Way way;
  Rule busy = rule({.kind = Fault::Kind::kAnswer, .status = 429, .retry_after_seconds = 3});
  busy.method = "GET";
  busy.path_part = "/pods";
  busy.most = 1;
  way.proxy.begin({busy});
  CHECK(way.send("POST", "/pods")->status == 200);
  CHECK(way.send("GET", "/nodes")->status == 200);
  const auto response = way.send("GET", "/pods/a");
  REQUIRE(response);
  CHECK(response->status == 429);
  CHECK(*response->headers.find("Retry-After") == "3");
  CHECK(response->body.find(R"("reason":"TooManyRequests")") != std::string::npos);
  CHECK(way.send("GET", "/pods/a")->status == 200);
  CHECK(way.reached == 3);
}

TEST_CASE("the same seed gives the same faults") {
  const auto statuses = [](std::uint64_t seed) {
    RuleBook book({{.fault = {.kind = Fault::Kind::kAnswer}, .probability = 0.5}}, seed);
    std::vector<bool> out;
    for (std::size_t i = 0; i < 64; ++i) out.push_back(book.choose({.number = i + 1}).has_value());
    return out;
  };
  CHECK(statuses(7) == statuses(7));
  CHECK(statuses(7) != statuses(8));
}

TEST_CASE("watches are not counted, and end when they are told to") {
  Way way;
  way.proxy.begin();
  way.proxy.end_watches_after(50ms);
  for (const bool orderly : {true, false}) {
    std::string seen;
    const auto ended = way.transport->stream(
        net::get(way.proxy.url() + "/pods?watch=true"), {}, [](const auto&) { return true; },
        [&](std::string_view bytes) {
          seen += bytes;
          return true;
        });
    CHECK(ended.has_value() == orderly);
    CHECK(seen == "first\n");
  }
  CHECK(way.proxy.calls().front().number == 0);
}

TEST_CASE("a watch whose version expired hears so as an event") {
  Way way;
  Rule expired = rule({.kind = Fault::Kind::kAnswer, .status = 410});
  expired.watches = true;
  way.proxy.begin({expired});
  const auto response = way.send("GET", "/pods?watch=true");
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK(response->body.starts_with(R"({"type":"ERROR","object":{)"));
  CHECK(response->body.find(R"("reason":"Expired")") != std::string::npos);
  CHECK(way.reached == 0);
}

TEST_CASE("while the way is cut nothing passes, and watches have ended") {
  Way way;
  const auto watched = way.transport->stream(
      net::get(way.proxy.url() + "/pods?watch=true"), {}, [](const auto&) { return true; },
      [&](std::string_view) {
        way.proxy.cut();
        return true;
      });
  CHECK_FALSE(watched);
  const int reached = way.reached;
  CHECK_FALSE(way.send("POST", "/a"));
  CHECK(way.reached == reached);
  CHECK(way.proxy.calls().back().is_troubled);
  CHECK(way.proxy.calls().back().status == 0);
  way.proxy.restore();
  CHECK(way.send("POST", "/b"));
}
