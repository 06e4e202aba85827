// SPDX-License-Identifier: Apache-2.0
#include "net/testing/scripted_transport.h"

#include <catch2/catch.hpp>
#include <thread>

namespace kintsugi::net {
namespace {

HttpRequest request_for(std::string method, std::string url) {
  HttpRequest request;
  request.method = std::move(method);
  request.url = std::move(url);
  return request;
}

const ResponseSink kAnyHead = [](const HttpResponse&) { return true; };

}  // namespace

TEST_CASE("rules answer in the order in which they were added", "[scripted]") {
  ScriptedTransport transport;
  transport.when("GET", "/a").times(1).respond(500);
  transport.when("GET", "/a").respond(200, "body");
  transport.when("*", "http://other/").fail_with(make_error(ErrorCode::kUnavailable, "down"));
  CHECK(transport.send(request_for("GET", "http://x/a/b"), {})->status == 500);
  CHECK(transport.send(request_for("GET", "http://x/a"), {})->body == "body");
  CHECK(transport.send(request_for("PUT", "http://other/a"), {}).error().code == ErrorCode::kUnavailable);
  CHECK(transport.send(request_for("PUT", "http://x/a"), {}).error().code == ErrorCode::kInternal);
  CHECK(transport.requests().size() == 4);
  CHECK(transport.count("GET", "/a") == 2);
}

TEST_CASE("a stream gets its chunks, then its end", "[scripted]") {
  ScriptedTransport transport;
  transport.when("GET", "/ends").chunks({"a", "b"});
  transport.when("GET", "/breaks").chunks({"a"}).then_fail(make_error(ErrorCode::kUnavailable, "reset"));
  std::string seen;
  const BodySink keep = [&](std::string_view bytes) { return seen.append(bytes), true; };
  CHECK(transport.stream(request_for("GET", "http://x/ends"), {}, kAnyHead, keep)->status == 200);
  CHECK(seen == "ab");
  CHECK_FALSE(transport.stream(request_for("GET", "http://x/breaks"), {}, kAnyHead, keep).has_value());
  CHECK(transport.send(request_for("GET", "http://x/ends"), {})->body == "ab");
}

TEST_CASE("a stop ends what blocks, a release what is held", "[scripted]") {
  ScriptedTransport transport;
  transport.when("GET", "/block").block();
  transport.when("GET", "/hold").hold().respond(200, "late");
  transport.when("GET", "/watch").chunks({"a"}).then_block();
  std::stop_source stop;
  Result<HttpResponse> blocked;
  Result<HttpResponse> watched;
  Result<HttpResponse> held;
  std::thread blocking(
      [&] { blocked = transport.send(request_for("GET", "http://x/block"), stop.get_token()); });
  std::thread watching([&] {
    watched = transport.stream(request_for("GET", "http://x/watch"), stop.get_token(), kAnyHead,
                               [](std::string_view) { return true; });
  });
  std::thread holding([&] { held = transport.send(request_for("GET", "http://x/hold"), {}); });
  CHECK(transport.wait_for_requests(3));
  transport.release();
  holding.join();
  stop.request_stop();
  blocking.join();
  watching.join();
  CHECK(held->body == "late");
  CHECK(blocked.error().code == ErrorCode::kCancelled);
  CHECK(watched.error().code == ErrorCode::kCancelled);
}

}  // namespace kintsugi::net
