// SPDX-License-Identifier: Apache-2.0
#include "net/request_parser.h"

#include <catch2/catch.hpp>

namespace kintsugi::net {
namespace {

using State = RequestParser::State;

ServerLimits small_limits() {
  ServerLimits limits;
  limits.max_header_bytes = 512;
  limits.max_body_bytes = 32;
  return limits;
}

/// Gives the parser the text, `step` bytes more each time, as a connection does. Returns what is left over.
std::string feed_in_steps(RequestParser& parser, const std::string& text, std::size_t step) {
  std::string waiting;
  for (std::size_t at = 0; at < text.size(); at += step) {
    waiting += text.substr(at, step);
    for (std::size_t taken = 1; taken > 0 && !waiting.empty();) {
      taken = parser.feed(waiting);
      waiting.erase(0, taken);
    }
  }
  return waiting;
}

}  // namespace

TEST_CASE("a request is read however its bytes are cut", "[request_parser]") {
  const std::string text =
      "POST /v1/signals?source=falco HTTP/1.1\r\nHost: a\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Length: "
      "5\r\n\r\nhelloGET ";
  for (const std::size_t step : {1u, 2u, 7u, 1000u}) {
    RequestParser parser(small_limits());
    CHECK(feed_in_steps(parser, text, step) == "GET ");
    REQUIRE(parser.state() == State::kComplete);
    const ServerRequest head = parser.head();
    CHECK(head.method == "POST");
    CHECK(head.target == "/v1/signals?source=falco");
    CHECK(head.path == "/v1/signals");
    CHECK(head.query == "source=falco");
    CHECK(head.headers.all().size() == 4);
    CHECK(parser.take_body() == "hello");
    CHECK(parser.keep_alive());
  }
}

TEST_CASE("a chunked body is put together", "[request_parser]") {
  RequestParser parser(small_limits());
  const std::string text =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
  CHECK(feed_in_steps(parser, text, 3).empty());
  REQUIRE(parser.state() == State::kComplete);
  CHECK(parser.take_body() == "abcde");
}

TEST_CASE("the parser stops between head and body", "[request_parser]") {
  RequestParser parser(small_limits());
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
  CHECK(parser.feed(head + "abc") == head.size());
  CHECK(parser.state() == State::kBody);
  CHECK(parser.expects_continue());
  CHECK(parser.missing_body_bytes() == 3);
}

TEST_CASE("a bad request fails with the status that says why", "[request_parser]") {
  struct Case {
    int status;
    std::string text;
  };
  const std::string long_value(600, 'x');
  const Case cases[] = {
      {400, "\x16\x03\x01 TLS to a plain port\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
      {400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"},
      {400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
      {501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"},
      {413, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 33\r\n\r\n"},
      {413, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999\r\n\r\n"},
      {413, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n21\r\n"},
      {431, "GET / HTTP/1.1\r\nHost: a\r\nX: " + long_value + "\r\n\r\n"},
      {431, "GET /" + long_value},
  };
  for (const Case& c : cases) {
    for (const std::size_t step : {1u, 1000u}) {
      INFO(c.text << " in steps of " << step);
      RequestParser parser(small_limits());
      feed_in_steps(parser, c.text, step);
      REQUIRE(parser.state() == State::kFailed);
      CHECK(parser.failure_status() == c.status);
    }
  }
}

TEST_CASE("a request with more headers than anyone needs is refused", "[request_parser]") {
  ServerLimits limits;
  limits.max_header_bytes = 64u << 10;
  RequestParser parser(limits);
  std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 200; ++i) text += "X: y\r\n";
  parser.feed(text + "\r\n");
  CHECK(parser.failure_status() == 400);
}

}  // namespace kintsugi::net
