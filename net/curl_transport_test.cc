// SPDX-License-Identifier: Apache-2.0
#include "net/curl_transport.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <thread>

#include "net/test_server.h"
#include "net/testing/raw_socket.h"

namespace kintsugi::net {
namespace {

using namespace std::chrono_literals;

std::string local_url(std::uint16_t port) {
  return "http://127.0.0.1:" + std::to_string(port) + "/";
}

/// A server that reads the head of each request and answers with `answer`, then closes.
std::function<void(RawConnection&)> answering(std::string answer) {
  return [answer = std::move(answer)](RawConnection& connection) {
    connection.read_until("\r\n\r\n");
    connection.send(answer);
  };
}

const ResponseSink kAnyHead = [](const HttpResponse&) { return true; };
const BodySink kAnyBody = [](std::string_view) { return true; };

/// A gate for handlers that tests open.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 5s, [&] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

}  // namespace

TEST_CASE("a request arrives as it was made and its answer comes back", "[curl]") {
  ServerRequest seen;
  TestServer server({.handle = [&](const ServerRequest& request, std::unique_ptr<Responder> responder) {
    seen = request;
    HttpResponse response = text_response(201, "made");
    response.headers.add("X-Two", "1");
    response.headers.add("X-Two", "2");
    responder->respond(std::move(response));
  }});
  const auto transport = make_curl_transport({.user_agent = "kintsugi/test"});
  for (const std::string method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    INFO(method);
    HttpRequest request = post(server.url("/a/../b?x=%20y"), method == "GET" ? "" : "body of " + method);
    request.method = method;
    request.headers.set("Content-Type", "application/json-patch+json");
    request.headers.set("X-Empty", "");
    request.bearer_token = Secret("t0ken");
    const auto response = transport->send(request, {});
    REQUIRE(response.has_value());
    CHECK(response->status == 201);
    CHECK(response->body == "made");
    CHECK(std::count_if(response->headers.all().begin(), response->headers.all().end(),
                        [](const auto& header) { return header.first == "X-Two"; }) == 2);
    CHECK(seen.method == method);
    CHECK(seen.target == "/a/../b?x=%20y");
    CHECK(seen.body == request.body);
    CHECK(*seen.headers.find("authorization") == "Bearer t0ken");
    CHECK(*seen.headers.find("content-type") == "application/json-patch+json");
    CHECK(*seen.headers.find("user-agent") == "kintsugi/test");
    CHECK(seen.headers.find("x-empty") != nullptr);
    CHECK(seen.headers.find("expect") == nullptr);
  }
}

TEST_CASE("every status is a success and redirects are not followed", "[curl]") {
  TestServer server({.handle = [](const ServerRequest& request, std::unique_ptr<Responder> responder) {
    HttpResponse response = text_response(std::stoi(request.path.substr(1)), "");
    response.headers.set("Location", "/200");
    responder->respond(std::move(response));
  }});
  const auto transport = make_curl_transport({});
  for (const int status : {200, 204, 302, 304, 401, 404, 409, 429, 500, 503}) {
    const auto response = transport->send(get(server.url("/" + std::to_string(status))), {});
    REQUIRE(response.has_value());
    CHECK(response->status == status);
  }
}

TEST_CASE("a thousand requests share one kept-alive connection", "[curl]") {
  std::atomic<int> count = 0;
  std::string first_peer;
  bool same = true;
  TestServer server({.handle = [&](const ServerRequest& request, std::unique_ptr<Responder> responder) {
    if (count++ == 0) first_peer = request.peer;
    same = same && request.peer == first_peer;
    responder->respond(text_response(200, "ok"));
  }});
  const auto transport = make_curl_transport({});
  for (int i = 0; i < 1000; ++i) REQUIRE(transport->send(get(server.url()), {}).has_value());
  CHECK(count == 1000);
  CHECK(same);
}

TEST_CASE("each connection pool has connections of its own", "[curl]") {
  TestServer server({.handle = [](const ServerRequest& request, std::unique_ptr<Responder> responder) {
    responder->respond(text_response(200, request.peer));
  }});
  const auto transport = make_curl_transport({});
  HttpRequest shared = get(server.url());
  HttpRequest lease = shared;
  lease.connection_pool = "lease";
  const std::string shared_peer = transport->send(shared, {})->body;
  const std::string lease_peer = transport->send(lease, {})->body;
  CHECK(shared_peer != lease_peer);
  CHECK(transport->send(shared, {})->body == shared_peer);
  CHECK(transport->send(lease, {})->body == lease_peer);
}

TEST_CASE("a request that cannot be made is refused before anything is sent", "[curl]") {
  const auto transport = make_curl_transport({});
  HttpRequest bad_url = get("gopher://a/");
  HttpRequest bad_method = get("http://127.0.0.1:1/");
  bad_method.method = "GET /x";
  HttpRequest bad_header = get("http://127.0.0.1:1/");
  bad_header.headers.add("X", "a\r\nY: b");
  HttpRequest bad_token = get("http://127.0.0.1:1/");
  bad_token.bearer_token = Secret("se\ncret");
  for (const HttpRequest& request : {bad_url, bad_method, bad_header, bad_token}) {
    const auto response = transport->send(request, {});
    REQUIRE_FALSE(response.has_value());
    CHECK(response.error().code == ErrorCode::kInvalidInput);
    CHECK(response.error().to_string().find("cret") == std::string::npos);
  }
}

TEST_CASE("a refused connection says where, and that nothing was sent", "[curl]") {
  const auto transport = make_curl_transport({});
  const std::uint16_t port = unused_port();
  HttpRequest request = post(local_url(port), "x");
  request.bearer_token = Secret("t0ken");
  const auto response = transport->send(request, {});
  REQUIRE_FALSE(response.has_value());
  CHECK(response.error().code == ErrorCode::kUnavailable);
  CHECK(response.error().retryable);
  CHECK_FALSE(response.error().outcome_unknown);
  CHECK(response.error().object == "127.0.0.1:" + std::to_string(port));
  CHECK(response.error().message.find("refused") != std::string::npos);
  CHECK_FALSE(response.error().advice.empty());
  CHECK(response.error().to_string().find("t0ken") == std::string::npos);
}

TEST_CASE("a name that does not exist is unavailable", "[curl]") {
  const auto response = make_curl_transport({})->send(get("http://no-such-host.invalid/"), {});
  REQUIRE_FALSE(response.has_value());
  CHECK(response.error().code == ErrorCode::kUnavailable);
  CHECK_FALSE(response.error().outcome_unknown);
}

TEST_CASE("an answer that is cut leaves the outcome unknown", "[curl]") {
  const auto transport = make_curl_transport({});
  SECTION("with no answer at all") {
    RawServer server(answering(""));
    const auto response = transport->send(post(local_url(server.port()), "x"), {});
    CHECK(response.error().code == ErrorCode::kUnavailable);
    CHECK(response.error().outcome_unknown);
  }
  SECTION("in the head") {
    RawServer server(answering("HTTP/1.1 200 OK\r\nContent-Le"));
    CHECK(transport->send(post(local_url(server.port()), "x"), {}).error().outcome_unknown);
  }
  SECTION("in a body of known length") {
    RawServer server(answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"));
    const auto response = transport->send(post(local_url(server.port()), "x"), {});
    CHECK(response.error().code == ErrorCode::kUnavailable);
    CHECK(response.error().outcome_unknown);
  }
  SECTION("in a chunked body") {
    RawServer server(answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"));
    CHECK(transport->send(post(local_url(server.port()), "x"), {}).error().outcome_unknown);
  }
  SECTION("by a reset") {
    RawServer server([](RawConnection& connection) {
      connection.read_until("\r\n\r\n");
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
      connection.reset();
    });
    CHECK(transport->send(post(local_url(server.port()), "x"), {}).error().outcome_unknown);
  }
  SECTION("by nonsense") {
    RawServer server(answering("SSH-2.0-OpenSSH_9.2\r\n\r\n"));
    const auto response = transport->send(get(local_url(server.port())), {});
    CHECK(response.error().code == ErrorCode::kUnavailable);
  }
}

TEST_CASE("a write is not repeated when its kept-alive connection dies, a read is", "[curl]") {
  std::atomic<int> requests = 0;
  RawServer server([&](RawConnection& connection) {
    if (!connection.read_until("\r\n\r\n").empty()) ++requests;
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    if (!connection.read_until("\r\n\r\n").empty()) ++requests;  // and closes without an answer
  });
  const auto transport = make_curl_transport({});
  REQUIRE(transport->send(get(local_url(server.port())), {}).has_value());
  SECTION("write") {
    const auto response = transport->send(post(local_url(server.port()), "x"), {});
    REQUIRE_FALSE(response.has_value());
    CHECK(response.error().code == ErrorCode::kUnavailable);
    CHECK(response.error().outcome_unknown);
    CHECK(requests == 2);
  }
  SECTION("read") {
    CHECK(transport->send(get(local_url(server.port())), {}).has_value());
    CHECK(requests == 3);
  }
}

TEST_CASE("the timeout of send() covers the whole exchange", "[curl]") {
  const auto transport = make_curl_transport({});
  std::string answer;
  SECTION("no answer") {}
  SECTION("half an answer") {
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
  }
  RawServer server([&](RawConnection& connection) {
    connection.read_until("\r\n\r\n");
    connection.send(answer);
    connection.wait_end();
  });
  HttpRequest request = get(local_url(server.port()));
  request.timeout = 60ms;
  const auto start = std::chrono::steady_clock::now();
  const auto response = transport->send(request, {});
  REQUIRE_FALSE(response.has_value());
  CHECK(response.error().code == ErrorCode::kTimeout);
  CHECK(response.error().outcome_unknown);
  const auto took = std::chrono::steady_clock::now() - start;
  CHECK(took >= 60ms);
  CHECK(took < 1s);
}

TEST_CASE("a stop ends a request at once", "[curl]") {
  Gate asked;
  RawServer server([&](RawConnection& connection) {
    connection.read_until("\r\n\r\n");
    asked.open();
    connection.wait_end();
  });
  const auto transport = make_curl_transport({});
  std::stop_source stop;
  std::thread stopper([&] {
    asked.wait();
    stop.request_stop();
  });
  const auto response = transport->send(post(local_url(server.port()), "x"), stop.get_token());
  stopper.join();
  REQUIRE_FALSE(response.has_value());
  CHECK(response.error().code == ErrorCode::kCancelled);
  CHECK(response.error().outcome_unknown);
  const auto never_sent = transport->send(get(local_url(server.port())), stop.get_token());
  CHECK(never_sent.error().code == ErrorCode::kCancelled);
  CHECK_FALSE(never_sent.error().outcome_unknown);
}

TEST_CASE("a response over the limit is refused, known length or not", "[curl]") {
  TestServer server({.handle = [](const ServerRequest& request, std::unique_ptr<Responder> responder) {
    if (request.path == "/known") return responder->respond(text_response(200, std::string(2000, 'x')));
    const auto writer = responder->start_stream(text_response(200, ""));
    for (int i = 0; i < 20; ++i) writer->write(std::string(100, 'x'));
  }});
  const auto transport = make_curl_transport({});
  for (const char* path : {"/known", "/unknown"}) {
    HttpRequest request = get(server.url(path));
    request.max_response_bytes = 1999;
    CHECK(transport->send(request, {}).error().code == ErrorCode::kTooLarge);
    request.max_response_bytes = 2000;
    const auto response = transport->send(request, {});
    REQUIRE(response.has_value());
    CHECK(response->body.size() == 2000);
  }
}

TEST_CASE("a compressed body is decoded when asked for, and its limit is of the decoded bytes", "[curl]") {
  // 10,000 bytes 'a', as `gzip -9` writes them.
  const std::string gzip(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xed\xc1\x01\x0d\x00\x00\x00\xc2\xa0\xac\xef\x5f\xc2"
      "\x1c\x6e\x40\x01\x00\x00\x00\x00\x00\x00\x00\x00\xc0\xbf\x01\x97\xd4\x7e\x46\x10\x27\x00\x00",
      46);
  RawServer server([&](RawConnection& connection) {
    connection.read_until("\r\n\r\n");
    connection.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " +
                    std::to_string(gzip.size()) + "\r\n\r\n" + gzip);
  });
  const auto transport = make_curl_transport({});
  HttpRequest request = get(local_url(server.port()));
  request.accept_compressed = true;
  const auto response = transport->send(request, {});
  REQUIRE(response.has_value());
  CHECK(response->body == std::string(10'000, 'a'));
  request.max_response_bytes = 9'999;
  CHECK(transport->send(request, {}).error().code == ErrorCode::kTooLarge);
  request.accept_compressed = false;
  CHECK(transport->send(request, {})->body == gzip);
}

TEST_CASE("a head without an end is refused", "[curl]") {
  RawServer server([](RawConnection& connection) {
    connection.read_until("\r\n\r\n");
    connection.send("HTTP/1.1 200 OK\r\n");
    while (connection.send("X-Filler: " + std::string(1000, 'x') + "\r\n")) continue;
  });
  CHECK(make_curl_transport({})->send(get(local_url(server.port())), {}).error().code ==
        ErrorCode::kTooLarge);
}

TEST_CASE("interim answers are skipped", "[curl]") {
  RawServer server(
      answering("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  const auto response = make_curl_transport({})->send(get(local_url(server.port())), {});
  REQUIRE(response.has_value());
  CHECK(response->status == 200);
  CHECK(response->headers.find("Link") == nullptr);
  CHECK(response->body == "ok");
}

TEST_CASE("the environment's proxy is not used", "[curl]") {
  setenv("http_proxy", local_url(unused_port()).c_str(), 1);
  TestServer server({.handle = echo_handler()});
  CHECK(make_curl_transport({})->send(get(server.url()), {}).has_value());
  unsetenv("http_proxy");
}

TEST_CASE("a stream delivers its bytes in order and ends in order", "[curl][stream]") {
  TestServer server({.handle = [](const ServerRequest&, std::unique_ptr<Responder> responder) {
    const auto writer = responder->start_stream(text_response(200, ""));
    for (int i = 0; i < 1000; ++i) writer->write(std::to_string(i) + "\n");
  }});
  const auto transport = make_curl_transport({});
  std::string seen;
  const auto caller = std::this_thread::get_id();
  const auto end = transport->stream(
      get(server.url()), {}, [](const HttpResponse& head) { return head.status == 200; },
      [&](std::string_view bytes) {
        CHECK(std::this_thread::get_id() == caller);
        seen.append(bytes);
        return true;
      });
  REQUIRE(end.has_value());
  CHECK(end->status == 200);
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += std::to_string(i) + "\n";
  CHECK(seen == expected);
}

TEST_CASE("a sink ends a stream that would go on", "[curl][stream]") {
  std::mutex mutex;
  std::vector<std::shared_ptr<BodyWriter>> writers;
  TestServer server({.handle = [&](const ServerRequest&, std::unique_ptr<Responder> responder) {
    const auto writer = responder->start_stream(text_response(200, ""));
    writer->write("first");
    const std::lock_guard lock(mutex);
    writers.push_back(writer);
  }});
  const auto transport = make_curl_transport({});
  CHECK(transport->stream(
                     get(server.url()), {}, [](const HttpResponse&) { return false; }, kAnyBody)
            ->status == 200);
  CHECK(transport->stream(get(server.url()), {}, kAnyHead, [](std::string_view) { return false; })->status ==
        200);
  // Neither thread nor connection is left behind: the transport still works.
  CHECK(
      transport->stream(get(server.url()), {}, kAnyHead, [](std::string_view) { return false; }).has_value());
}

TEST_CASE("a stop ends a stream in its middle", "[curl][stream]") {
  std::shared_ptr<BodyWriter> writer;
  TestServer server({.handle = [&](const ServerRequest&, std::unique_ptr<Responder> responder) {
    writer = responder->start_stream(text_response(200, ""));
    writer->write("first");
  }});
  const auto transport = make_curl_transport({});
  std::stop_source stop;
  const auto end = transport->stream(get(server.url()), stop.get_token(), kAnyHead, [&](std::string_view) {
    stop.request_stop();
    return true;
  });
  REQUIRE_FALSE(end.has_value());
  CHECK(end.error().code == ErrorCode::kCancelled);
}

TEST_CASE("the timeouts of a stream are one for its head and one for silence", "[curl][stream]") {
  std::string answer;
  bool unknown_head = false;
  SECTION("head") {
    unknown_head = true;
  }
  SECTION("silence") {
    answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n";
  }
  RawServer server([&](RawConnection& connection) {
    connection.read_until("\r\n\r\n");
    connection.send(answer);
    connection.wait_end();
  });
  HttpRequest request = get(local_url(server.port()));
  request.timeout = unknown_head ? 50ms : 5000ms;
  request.idle_timeout = unknown_head ? 5000ms : 50ms;
  std::string seen;
  const auto end = make_curl_transport({})->stream(request, {}, kAnyHead, [&](std::string_view bytes) {
    seen.append(bytes);
    return true;
  });
  REQUIRE_FALSE(end.has_value());
  CHECK(end.error().code == ErrorCode::kTimeout);
  CHECK(seen == (unknown_head ? "" : "a"));
}

TEST_CASE("a stream that breaks says so after the bytes that came", "[curl][stream]") {
  TestServer server({.handle = [](const ServerRequest&, std::unique_ptr<Responder> responder) {
    const auto writer = responder->start_stream(text_response(200, ""));
    writer->write("last words");
    writer->abort();
  }});
  std::string seen;
  const auto end =
      make_curl_transport({})->stream(get(server.url()), {}, kAnyHead, [&](std::string_view bytes) {
        seen.append(bytes);
        return true;
      });
  CHECK(seen == "last words");
  REQUIRE_FALSE(end.has_value());
  CHECK(end.error().code == ErrorCode::kUnavailable);
  CHECK(end.error().outcome_unknown);
}

TEST_CASE("a slow reader pauses its connection and loses nothing", "[curl][stream]") {
  constexpr std::size_t kPieces = 300;
  constexpr std::size_t kPieceBytes = 64u << 10;
  std::atomic<std::size_t> sent = 0;
  RawServer server([&](RawConnection& connection) {
    connection.read_until("\r\n\r\n");
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kPieces * kPieceBytes) +
                    "\r\n\r\n");
    for (std::size_t i = 0; i < kPieces && connection.send(std::string(kPieceBytes, char('a' + i % 26))); ++i)
      ++sent;
  });
  HttpRequest request = get(local_url(server.port()));
  request.idle_timeout = 30ms;  // the pause below is longer: it must not count as the server's silence
  std::size_t received = 0;
  std::size_t sent_during_pause = 0;
  bool in_order = true;
  const auto end = make_curl_transport({})->stream(request, {}, kAnyHead, [&](std::string_view bytes) {
    if (received == 0) {
      std::this_thread::sleep_for(80ms);
      sent_during_pause = sent;
    }
    for (const char c : bytes) in_order = in_order && c == char('a' + (received++ / kPieceBytes) % 26);
    return true;
  });
  REQUIRE(end.has_value());
  CHECK(received == kPieces * kPieceBytes);
  CHECK(in_order);
  CHECK(sent_during_pause < kPieces);  // the rest had to wait: the kernel's buffers and ours are bounded
}

TEST_CASE("containment goes before what waits longer for a connection", "[curl]") {
  Gate gate;
  std::mutex mutex;
  std::vector<std::string> order;
  std::vector<std::unique_ptr<Responder>> first;
  TestServer server({.handle = [&](const ServerRequest& request, std::unique_ptr<Responder> responder) {
    const std::lock_guard lock(mutex);
    order.push_back(request.path);
    if (request.path == "/first") {
      first.push_back(std::move(responder));
      gate.open();
    } else {
      responder->respond(text_response(200, ""));
    }
  }});
  const auto transport = make_curl_transport({.max_connections_per_host = 1});
  std::atomic<int> answered = 0;  // Catch2's assertions are for one thread
  const auto send = [&](const char* path, Priority priority) {
    HttpRequest request = get(server.url(path));
    request.priority = priority;
    return std::thread([&, request] { answered += transport->send(request, {}).has_value() ? 1 : 0; });
  };
  std::vector<std::thread> threads;
  threads.push_back(send("/first", Priority::kNormal));
  gate.wait();
  threads.push_back(send("/background", Priority::kBackground));
  std::this_thread::sleep_for(20ms);
  threads.push_back(send("/normal", Priority::kNormal));
  std::this_thread::sleep_for(20ms);
  threads.push_back(send("/containment", Priority::kContainment));
  std::this_thread::sleep_for(20ms);
  {
    const std::lock_guard lock(mutex);
    CHECK(order.size() == 1);
    first.front()->respond(text_response(200, ""));
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(answered == 4);
  CHECK(order == std::vector<std::string>{"/first", "/containment", "/normal", "/background"});
}

TEST_CASE("waiting for a connection counts against the timeout", "[curl]") {
  RawServer server([](RawConnection& connection) { connection.wait_end(); });
  const auto transport = make_curl_transport({.max_connections_per_host = 1});
  std::stop_source stop;
  std::thread holder([&] { (void)transport->send(get(local_url(server.port())), stop.get_token()); });
  std::this_thread::sleep_for(20ms);
  HttpRequest request = get(local_url(server.port()));
  request.timeout = 40ms;
  const auto response = transport->send(request, {});
  CHECK(response.error().code == ErrorCode::kTimeout);
  CHECK_FALSE(response.error().outcome_unknown);
  stop.request_stop();
  holder.join();
}

TEST_CASE("many threads share a transport", "[curl]") {
  TestServer server({.handle = echo_handler()});
  const auto transport = make_curl_transport({.max_connections_per_host = 4});
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < 50; ++k) {
        const std::string body = std::to_string(i * 1000 + k);
        const auto response = transport->send(post(server.url("/x"), body), {});
        if (response && response->body == "POST /x " + body) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 16 * 50);
}

}  // namespace kintsugi::net
