// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "net/test_server.h"
#include "net/testing/raw_socket.h"

namespace kintsugi::net {
namespace {

using namespace std::chrono_literals;

ServerLimits limits_with(const std::function<void(ServerLimits&)>& change) {
  ServerLimits limits;
  change(limits);
  return limits;
}

int status_of(const std::string& answer) {
  return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3));
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Keeps responders for the test to answer.
class Held {
 public:
  Handler handler() {
    return [this](const ServerRequest&, std::unique_ptr<Responder> responder) {
      const std::lock_guard lock(mutex_);
      responders_.push_back(std::move(responder));
      changed_.notify_all();
    };
  }
  std::unique_ptr<Responder> take() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 5s, [&] { return !responders_.empty(); });
    REQUIRE_FALSE(responders_.empty());
    auto responder = std::move(responders_.back());
    responders_.pop_back();
    return responder;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Responder>> responders_;
};

}  // namespace

TEST_CASE("a server that cannot start says why", "[server]") {
  SystemClock clock;
  Logger log(clock, LogLevel::kError, [](std::string_view) {});
  TestServer running({.handle = echo_handler()});
  const auto taken = start_http_server({.port = running.port(), .handle = echo_handler()}, log);
  REQUIRE_FALSE(taken.has_value());
  CHECK(taken.error().code == ErrorCode::kUnavailable);
  CHECK(taken.error().object == "127.0.0.1:" + std::to_string(running.port()));
  const auto named = start_http_server({.address = "localhost", .handle = echo_handler()}, log);
  CHECK(named.error().code == ErrorCode::kInvalidInput);
  const auto no_certificate =
      start_http_server({.handle = echo_handler(), .tls = ServerTls{"x", Secret("y")}}, log);
  CHECK(no_certificate.error().code == ErrorCode::kInvalidInput);
}

TEST_CASE("pipelined requests are answered in order", "[server]") {
  TestServer server({.handle = echo_handler()});
  RawConnection client = RawConnection::open(server.port());
  std::string requests;
  for (int i = 0; i < 50; ++i) {
    requests += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
  }
  client.send(requests + "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string answers = client.read_to_end();
  std::size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    at = answers.find("POST /" + std::to_string(i) + " abc", at);
    REQUIRE(at != std::string::npos);
  }
  CHECK(answers.find("GET /last ", at) != std::string::npos);
  CHECK(count_of(answers, "Connection: close") == 1);
}

TEST_CASE("bad requests get their status and the connection is closed", "[server]") {
  std::atomic<int> handled = 0;
  ServerLimits limits;
  limits.max_header_bytes = 1024;
  limits.max_body_bytes = 10;
  TestServer server(
      {.limits = limits, .handle = [&](const ServerRequest&, std::unique_ptr<Responder> responder) {
         ++handled;
         responder->respond(text_response(200, ""));
       }});
  struct Case {
    int status;
    std::string text;
  };
  const Case cases[] = {
      {400, "nonsense\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {413, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"},
      {413, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x')},
      {413, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n"},
      {431, "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(2000, 'x') + "\r\n\r\n"},
  };
  for (const Case& c : cases) {
    INFO(c.text.substr(0, 100));
    RawConnection client = RawConnection::open(server.port());
    client.send(c.text);
    const std::string answer = client.read_until("\r\n\r\n");
    CHECK(status_of(answer) == c.status);
    CHECK(answer.find("Connection: close") != std::string::npos);
    CHECK(client.wait_end());
  }
  CHECK(handled == 0);
}

TEST_CASE("a client that sends all of a refused body before it reads has the answer", "[server]") {
  ServerLimits limits;
  limits.max_body_bytes = 10;
  TestServer server({.limits = limits, .handle = [](const ServerRequest&, std::unique_ptr<Responder>) {}});
  RawConnection client = RawConnection::open(server.port());
  constexpr std::size_t kPart = 1u << 20, kParts = 32;  // more than the kernel holds for both sides
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(kPart * kParts) + "\r\n\r\n");
  const std::string part(kPart, 'x');
  for (std::size_t i = 0; i < kParts; ++i) REQUIRE(client.send(part));
  CHECK(status_of(client.read_until("\r\n\r\n")) == 413);
}

TEST_CASE("the server's own refusals have the form that its owner gives them", "[server]") {
  ServerLimits limits;
  limits.max_header_bytes = 1024;
  limits.max_body_bytes = 10;
  limits.header_timeout = 60ms;
  limits.body_timeout = 60ms;
  const auto refusal = [](int status) {
    if (status == 431) throw std::runtime_error("a bug");
    HttpResponse response;  // its status is the server's business
    response.headers.set("Content-Type", "application/problem+json");
    response.body = "{\"status\":" + std::to_string(status) + "}";
    return response;
  };
  const auto admit = [](const ServerRequest& request) -> std::optional<HttpResponse> {
    if (request.path == "/throws") throw std::runtime_error("a bug");
    return std::nullopt;
  };
  const Handler drop = [](const ServerRequest&, std::unique_ptr<Responder>) {};
  TestServer server({.limits = limits, .admit = admit, .handle = drop, .refusal = refusal});
  const std::pair<int, std::string> cases[] = {
      {400, "nonsense\r\n\r\n"},
      {408, "GET / HTTP/1.1\r\nHo"},
      {408, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc"},
      {413, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"},
      {500, "GET /throws HTTP/1.1\r\nHost: a\r\n\r\n"},
      {500, kGet},
      {501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"},
  };
  for (const auto& [status, text] : cases) {
    INFO(text);
    RawConnection client = RawConnection::open(server.port());
    client.send(text);
    const std::string answer = client.read_until("}");
    CHECK(status_of(answer) == status);
    CHECK(answer.find("Content-Type: application/problem+json\r\n") != std::string::npos);
    CHECK(answer.ends_with("{\"status\":" + std::to_string(status) + "}"));
  }
  RawConnection client = RawConnection::open(server.port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(2000, 'x') + "\r\n\r\n");
  const std::string answer = client.read_to_end();
  CHECK(status_of(answer) == 431);
  CHECK(answer.find("Content-Type: text/plain") != std::string::npos);
}

TEST_CASE("slow senders are cut off", "[server]") {
  ServerLimits limits;
  limits.header_timeout = 60ms;
  limits.body_timeout = 60ms;
  TestServer server({.limits = limits, .handle = echo_handler()});
  RawConnection client = RawConnection::open(server.port());
  SECTION("who says nothing is closed without a word") {
    CHECK(client.read_to_end().empty());
  }
  SECTION("half a head") {
    client.send("GET / HTTP/1.1\r\nHo");
    CHECK(status_of(client.read_to_end()) == 408);
  }
  SECTION("a head that drips") {
    std::atomic<bool> ended = false;
    std::thread dripping([&] {
      while (!ended && client.send("X")) std::this_thread::sleep_for(10ms);
    });
    CHECK(status_of(client.read_until("\r\n\r\n")) == 408);
    ended = true;
    dripping.join();
  }
  SECTION("half a body") {
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    CHECK(status_of(client.read_to_end()) == 408);
  }
  SECTION("an idle connection after its request") {
    client.send(kGet);
    CHECK(status_of(client.read_until("GET / ")) == 200);
    CHECK(client.read_to_end().empty());
  }
}

TEST_CASE("connections over a limit are closed at once where every other is at work", "[server]") {
  const bool per_peer = GENERATE(false, true);
  Held held;
  const Handler handle = [&](const ServerRequest& request, std::unique_ptr<Responder> responder) {
    (request.path == "/held" ? held.handler() : echo_handler())(request, std::move(responder));
  };
  TestServer server({.limits = limits_with([&](ServerLimits& l) {
                       (per_peer ? l.max_connections_per_peer : l.max_connections) = 2;
                     }),
                     .handle = handle});
  RawConnection first = RawConnection::open(server.port());
  first.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto to_first = held.take();
  RawConnection second = RawConnection::open(server.port());
  second.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto to_second = held.take();
  RawConnection third = RawConnection::open(server.port());
  CHECK(third.wait_end());
  first.close();
  to_first->respond(text_response(200, "too late"));
  std::string answer;  // the place is free once the server has seen the end
  for (int i = 0; i < 100 && answer.empty(); ++i) {
    RawConnection next = RawConnection::open(server.port());
    next.send(kGet);
    answer = next.read_until("GET / ");
    if (answer.empty()) std::this_thread::sleep_for(5ms);
  }
  CHECK(status_of(answer) == 200);
  to_second->respond(text_response(200, "second"));
  CHECK(second.read_until("second").ends_with("second"));
}

TEST_CASE("a new connection takes the place of the one that waits longest without a request", "[server]") {
  const bool per_peer = GENERATE(false, true);
  Held held;
  const auto admit = [](const ServerRequest& request) -> std::optional<HttpResponse> {
    if (request.path == "/refused") return text_response(401, "who?");
    return std::nullopt;
  };
  TestServer server({.limits = limits_with([&](ServerLimits& l) {
                       (per_peer ? l.max_connections_per_peer : l.max_connections) = 4;
                     }),
                     .admit = admit,
                     .handle = held.handler()});
  RawConnection busy = RawConnection::open(server.port());
  busy.send(kGet);
  const auto to_busy = held.take();
  RawConnection kept_alive = RawConnection::open(server.port());
  kept_alive.send(kGet);
  held.take()->respond(text_response(200, "once"));
  CHECK(kept_alive.read_until("once").ends_with("once"));
  RawConnection refused = RawConnection::open(server.port());
  refused.send("POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nslow");
  CHECK(refused.read_until("who?").ends_with("who?"));
  RawConnection half_a_head = RawConnection::open(server.port());
  half_a_head.send("GET / HT");
  std::this_thread::sleep_for(300ms);  // an answer is read before its server knows that it is sent, and waits

  std::vector<RawConnection> fresh;
  for (int i = 0; i < 3; ++i) {
    fresh.push_back(RawConnection::open(server.port()));
    fresh.back().send(kGet);
    held.take()->respond(text_response(200, "fresh"));
    CHECK(fresh.back().read_until("fresh").ends_with("fresh"));
  }
  CHECK(kept_alive.wait_end());
  CHECK(refused.wait_end());
  CHECK(half_a_head.wait_end());
  to_busy->respond(text_response(200, "at last"));
  CHECK(busy.read_until("at last").ends_with("at last"));
}

TEST_CASE("peers with many idle connections lock nobody out", "[server]") {
  TestServer server({.limits = limits_with([&](ServerLimits& l) {
                       l.max_connections = 40;
                       l.max_connections_per_peer = 20;
                     }),
                     .handle = echo_handler()});
  RawConnection good = RawConnection::open_from(9, server.port());
  good.send(kGet);
  CHECK(good.read_until("GET / ").ends_with("GET / "));
  std::vector<RawConnection> idle;
  for (int i = 0; i < 100; ++i)
    idle.push_back(RawConnection::open_from(std::uint8_t(1 + i % 2), server.port()));
  good.send(kGet);  // who has fewer connections keeps them, however long they wait
  CHECK(good.read_until("GET / ").ends_with("GET / "));
  RawConnection another = RawConnection::open_from(10, server.port());
  another.send(kGet);
  CHECK(another.read_until("GET / ").ends_with("GET / "));
}

TEST_CASE("admission decides before the body is read", "[server]") {
  std::atomic<bool> saw_body = false;
  std::atomic<int> handled = 0;
  TestServer server({.admit = [&](const ServerRequest& request) -> std::optional<HttpResponse> {
                       saw_body = saw_body || !request.body.empty();
                       if (request.path == "/throws") throw std::runtime_error("a bug");
                       if (request.path == "/full") return text_response(429, "full");
                       return std::nullopt;
                     },
                     .handle =
                         [&](const ServerRequest& request, std::unique_ptr<Responder> responder) {
                           ++handled;
                           responder->respond(text_response(200, "got " + request.body));
                         }});
  RawConnection client = RawConnection::open(server.port());
  SECTION("a small body is dropped and the connection kept") {
    client.send("POST /full HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    CHECK(status_of(client.read_until("full")) == 429);
    client.send("helloPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    CHECK(client.read_until("got hi").find("got hi") != std::string::npos);
    CHECK(handled == 1);
  }
  SECTION("a large one ends the connection, after the answer") {
    client.send("POST /full HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n" +
                std::string(900'000, 'x'));
    CHECK(status_of(client.read_to_end()) == 429);
    CHECK(handled == 0);
  }
  SECTION("a client that waits to be asked is not asked") {
    client.send("POST /full HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    const std::string answer = client.read_to_end();
    CHECK(status_of(answer) == 429);
    CHECK(answer.find("100 Continue") == std::string::npos);
  }
  SECTION("or is, and sends") {
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    CHECK(client.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    CHECK(client.read_until("got hello").find("got hello") != std::string::npos);
  }
  SECTION("an exception is a 500") {
    client.send("GET /throws HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(status_of(client.read_until("\r\n\r\n")) == 500);
  }
  CHECK_FALSE(saw_body);
}

TEST_CASE("a handler that fails its request answers 500", "[server]") {
  TestServer server({.handle = [](const ServerRequest& request, std::unique_ptr<Responder> responder) {
    if (request.path == "/throws") throw std::runtime_error("a bug\n{\"forged\":1}");
    if (request.path == "/header") {
      HttpResponse response = text_response(200, "x");
      response.headers.set("X", "a\r\nInjected: 1");
      return responder->respond(std::move(response));
    }
    responder.reset();
  }});
  const auto transport = make_curl_transport({});
  for (const char* path : {"/throws", "/drops", "/header"}) {
    INFO(path);
    const auto response = transport->send(get(server.url(path)), {});
    REQUIRE(response.has_value());
    CHECK(response->status == 500);
    CHECK(response->headers.find("Injected") == nullptr);
  }
}

TEST_CASE("HEAD has the head of GET and no body", "[server]") {
  TestServer server({.handle = [](const ServerRequest& request, std::unique_ptr<Responder> responder) {
    if (request.path == "/stream") {
      responder->start_stream(text_response(200, ""))->write("never seen");
    } else {
      responder->respond(text_response(200, "twelve bytes"));
    }
  }});
  RawConnection client = RawConnection::open(server.port());
  client.send(
      "HEAD / HTTP/1.1\r\nHost: a\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string answers = client.read_to_end();
  CHECK(answers.find("Content-Length: 12\r\n") != std::string::npos);
  CHECK(answers.find("Date: ") != std::string::npos);
  CHECK(count_of(answers, "HTTP/1.1 200 OK") == 2);
  CHECK(answers.find("bytes") == std::string::npos);
  CHECK(answers.find("never") == std::string::npos);
}

TEST_CASE("HTTP/1.0 clients get a body without chunks and an end", "[server]") {
  TestServer server({.handle = [](const ServerRequest&, std::unique_ptr<Responder> responder) {
    responder->start_stream(text_response(200, ""))->write("plain");
  }});
  RawConnection client = RawConnection::open(server.port());
  client.send("GET / HTTP/1.0\r\n\r\n");
  const std::string answer = client.read_to_end();
  CHECK(answer.find("Transfer-Encoding") == std::string::npos);
  CHECK(answer.ends_with("\r\n\r\nplain"));
}

TEST_CASE("a responder answers from another thread, once", "[server]") {
  Held held;
  TestServer server({.handle = held.handler()});
  RawConnection client = RawConnection::open(server.port());
  client.send(kGet + kGet);
  std::thread([responder = held.take()] {
    responder->respond(text_response(200, "first"));
    responder->respond(text_response(200, "again"));
    CHECK_FALSE(responder->start_stream(text_response(200, ""))->write("x"));
  }).join();
  CHECK(client.read_until("first").find("first") != std::string::npos);
  held.take()->respond(text_response(200, "second"));
  CHECK(client.read_until("second").find("again") == std::string::npos);
}

TEST_CASE("a writer notices that the client has gone", "[server][stream]") {
  Held held;
  TestServer server({.handle = held.handler()});
  RawConnection client = RawConnection::open(server.port());
  client.send(kGet);
  const auto writer = held.take()->start_stream(text_response(200, ""));
  CHECK(writer->write("hello"));
  CHECK(client.read_until("hello").find("5\r\nhello") != std::string::npos);
  SECTION("by an orderly end") {
    client.close();
  }
  SECTION("by a reset") {
    client.reset();
  }
  bool alive = true;
  for (int i = 0; i < 200 && alive; ++i) {
    std::this_thread::sleep_for(5ms);
    alive = writer->write("");
  }
  CHECK_FALSE(alive);
}

TEST_CASE("a client that does not read is given up", "[server][stream]") {
  bool by_timeout = false;
  SECTION("over the buffer's limit") {}
  SECTION("by the write timeout") {
    by_timeout = true;
  }
  Held held;
  TestServer server({.limits = limits_with([&](ServerLimits& l) {
                       l.max_stream_buffer_bytes = by_timeout ? 64u << 20 : 256u << 10;
                       l.write_timeout = by_timeout ? 50ms : 5000ms;
                     }),
                     .handle = held.handler()});
  RawConnection client = RawConnection::open(server.port(), 4096);
  client.send(kGet);
  if (!by_timeout) {
    const auto writer = held.take()->start_stream(text_response(200, ""));
    std::size_t written = 0;
    while (written < (64u << 20) && writer->write(std::string(32u << 10, 'x'))) written += 32u << 10;
    CHECK(written < (64u << 20));
    CHECK_FALSE(writer->write("x"));
    CHECK_FALSE(client.read_to_end().ends_with("0\r\n\r\n"));
  } else {
    const auto writer = held.take()->start_stream(text_response(200, ""));
    bool alive = writer->write(std::string(32u << 20, 'x'));
    for (int i = 0; i < 500 && alive; ++i) {
      std::this_thread::sleep_for(5ms);
      alive = writer->write("");
    }
    CHECK_FALSE(alive);
    CHECK(client.read_to_end().size() < (32u << 20));
  }
}

TEST_CASE("a stream ends with the final chunk and the connection goes on", "[server][stream]") {
  TestServer server({.handle = [](const ServerRequest& request, std::unique_ptr<Responder> responder) {
    const auto writer = responder->start_stream(text_response(200, ""));
    writer->write(request.path);
    writer->write("!");
  }});
  RawConnection client = RawConnection::open(server.port());
  for (const std::string path : {"/a", "/b"}) {
    client.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::string answer = client.read_until("0\r\n\r\n");
    CHECK(answer.find("2\r\n" + path + "\r\n1\r\n!\r\n0\r\n\r\n") != std::string::npos);
  }
}

TEST_CASE("stop lets what is under way finish, within its grace", "[server][stop]") {
  Held held;
  TestServer server({.handle = held.handler()});
  RawConnection idle = RawConnection::open(server.port());
  RawConnection busy = RawConnection::open(server.port());
  busy.send(kGet);
  auto responder = held.take();
  SECTION("answered in time") {
    std::thread answering([&] {
      CHECK(idle.wait_end());
      RawConnection late = RawConnection::open(server.port());  // the listener is closed last, or first
      CHECK((!late.is_open() || late.wait_end()));
      responder->respond(text_response(200, "done"));
    });
    server->stop(5s);
    answering.join();
    const std::string answer = busy.read_to_end();
    CHECK(answer.ends_with("done"));
    CHECK(answer.find("Connection: close") != std::string::npos);
  }
  SECTION("never answered") {
    const auto start = std::chrono::steady_clock::now();
    server->stop(50ms);
    CHECK(std::chrono::steady_clock::now() - start < 2s);
    CHECK(busy.wait_end());
    server->stop(0ms);
  }
  SECTION("the server is gone before the responder") {
    auto writer = responder->start_stream(text_response(200, ""));
    server.destroy();
    CHECK(busy.wait_end());
    CHECK_FALSE(writer->write("x"));
  }
  SECTION("the server is gone before the responder is used") {
    server.destroy();
    responder->respond(text_response(200, "late"));
  }
}

}  // namespace kintsugi::net
