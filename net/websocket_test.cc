// SPDX-License-Identifier: Apache-2.0
#include "net/websocket.h"

#include <atomic>
#include <thread>

#include "net/test_server.h"
#include "net/testing/raw_socket.h"
#include "net/testing/test_certificates.h"

namespace kintsugi::net {
namespace {

using namespace std::chrono_literals;

constexpr const char* kProtocol = "v5.channel.k8s.io";

ServerLimits with_websockets() {
  ServerLimits limits;
  limits.max_websockets = 4;
  return limits;
}

Handler serving(std::function<void(WebSocketPeer&)> serve) {
  return [serve = std::move(serve)](const ServerRequest&, std::unique_ptr<Responder> responder) {
    responder->accept_websocket(kProtocol, serve);
  };
}

WebSocketRequest request_to(std::string url) {
  WebSocketRequest request;
  request.url = std::move(url);
  request.subprotocol = kProtocol;
  return request;
}

/// Sends three messages, one of them large, then closes.
void send_three(WebSocketPeer& peer) {
  peer.send("one");
  peer.send(std::string(200'000, 'x'));
  peer.send("three");
}

struct Outcome {
  Result<void> result;
  std::vector<std::string> messages;
  UpgradeRefusal refusal;
};

Outcome converse(const WebSocketRequest& request, const TlsOptions& tls = {}, std::stop_token stop = {},
                 std::size_t end_after = 100) {
  Outcome outcome;
  outcome.result = run_websocket(
      request, tls, std::move(stop),
      [&](std::string_view message) {
        outcome.messages.emplace_back(message);
        return outcome.messages.size() < end_after;
      },
      outcome.refusal);
  return outcome;
}

}  // namespace

TEST_CASE("messages come whole and in order, and the server's close is a success", "[websocket]") {
  const TestAuthority authority;
  const TestCertificate certificate = authority.issue({"127.0.0.1", "api.internal"});
  ServerRequest seen;
  const auto handler = [&](const ServerRequest& request, std::unique_ptr<Responder> responder) {
    seen = request;
    responder->accept_websocket(kProtocol, &send_three);
  };
  const bool with_tls = GENERATE(false, true);
  ServerOptions options{.limits = with_websockets(), .handle = handler};
  if (with_tls) options.tls = ServerTls{certificate.certificate_pem, Secret(certificate.key_pem)};
  TestServer server(std::move(options));
  WebSocketRequest request = request_to(with_tls ? server.tls_url("/exec?x=1") : server.url("/exec?x=1"));
  request.bearer_token = Secret("t0ken");
  request.headers.set("X-Extra", "yes");
  TlsOptions tls;
  tls.ca_pem = authority.certificate_pem();
  if (with_tls) tls.server_name = GENERATE("", "api.internal");
  const Outcome outcome = converse(request, tls);
  if (!outcome.result) FAIL(outcome.result.error().to_string());
  REQUIRE(outcome.messages.size() == 3);
  CHECK(outcome.messages[0] == "one");
  CHECK(outcome.messages[1].size() == 200'000);
  CHECK(outcome.messages[2] == "three");
  CHECK(seen.target == "/exec?x=1");
  CHECK(*seen.headers.find("Authorization") == "Bearer t0ken");
  CHECK(*seen.headers.find("X-Extra") == "yes");
}

TEST_CASE("the client ends a conversation and the server sees it", "[websocket]") {
  std::atomic<bool> orderly = false;
  TestServer server({.limits = with_websockets(), .handle = serving([&](WebSocketPeer& peer) {
                                                    peer.send("hello");
                                                    const auto next = peer.receive();
                                                    orderly =
                                                        !next && next.error().code == ErrorCode::kCancelled;
                                                  })});
  const Outcome outcome = converse(request_to(server.url()), {}, {}, 1);
  CHECK(outcome.result.has_value());
  server.destroy();
  CHECK(orderly);
}

TEST_CASE("a WebSocket that is closed more than once is closed in order, once", "[websocket]") {
  TestServer server({.limits = with_websockets(), .handle = serving([](WebSocketPeer& peer) {
                                                    peer.send("hello");
                                                    peer.close();
                                                    peer.close();
                                                  })});
  const Outcome outcome = converse(request_to(server.url()));
  CHECK(outcome.result.has_value());
  CHECK(outcome.messages == std::vector<std::string>{"hello"});
}

TEST_CASE("a refused upgrade gives the answer that came instead", "[websocket]") {
  TestServer server({.handle = [](const ServerRequest& request, std::unique_ptr<Responder> responder) {
    if (request.path == "/accept") return responder->accept_websocket(kProtocol, &send_three);
    HttpResponse response = text_response(403, std::string(5000, 'n'));
    response.headers.set("Retry-After", "1");
    responder->respond(std::move(response));
  }});
  const Outcome outcome = converse(request_to(server.url()));
  REQUIRE_FALSE(outcome.result.has_value());
  CHECK(outcome.result.error().code == ErrorCode::kRefused);
  CHECK_FALSE(outcome.result.error().outcome_unknown);
  CHECK(outcome.refusal.response.status == 403);
  CHECK(outcome.refusal.response.body == std::string(1024, 'n'));
  CHECK(*outcome.refusal.response.headers.find("Retry-After") == "1");
  CHECK_FALSE(converse(request_to(server.url("/accept"))).result.has_value());  // max_websockets is 0
}

TEST_CASE("another subprotocol than the one asked for is an error", "[websocket]") {
  TestServer server({.limits = with_websockets(),
                     .handle = [](const ServerRequest& request, std::unique_ptr<Responder> responder) {
                       responder->accept_websocket(request.path == "/none" ? "" : "v4.channel.k8s.io",
                                                   &send_three);
                     }});
  for (const char* path : {"/none", "/other"}) {
    const Outcome outcome = converse(request_to(server.url(path)));
    REQUIRE_FALSE(outcome.result.has_value());
    CHECK(outcome.result.error().code == ErrorCode::kUnsupported);
    CHECK(outcome.messages.empty());
  }
}

TEST_CASE("a conversation has its limits of time and size", "[websocket]") {
  std::stop_source stop;
  WebSocketRequest request;
  TestServer server({.limits = with_websockets(), .handle = serving([](WebSocketPeer& peer) {
                                                    peer.send(std::string(1000, 'x'));
                                                    while (peer.receive()) continue;
                                                  })});
  request = request_to(server.url());
  SECTION("deadline") {
    request.deadline = 60ms;
    const Outcome outcome = converse(request);
    CHECK(outcome.result.error().code == ErrorCode::kTimeout);
    CHECK(outcome.result.error().outcome_unknown);
    CHECK(outcome.messages.size() == 1);
  }
  SECTION("message size") {
    request.max_message_bytes = 999;
    CHECK(converse(request).result.error().code == ErrorCode::kTooLarge);
  }
  SECTION("stop") {
    std::thread stopper([&] {
      std::this_thread::sleep_for(20ms);
      stop.request_stop();
    });
    CHECK(converse(request, {}, stop.get_token()).result.error().code == ErrorCode::kCancelled);
    stopper.join();
    CHECK(converse(request, {}, stop.get_token()).result.error().code == ErrorCode::kCancelled);
  }
  SECTION("pings keep a silent conversation alive") {
    request.ping_interval = 10ms;
    request.read_idle_timeout = 50ms;
    request.deadline = 150ms;
    const Outcome outcome = converse(request);
    CHECK(outcome.result.error().message.find("deadline") != std::string::npos);
  }
  SECTION("silence without pings ends it") {
    request.read_idle_timeout = 50ms;
    const Outcome outcome = converse(request);
    CHECK(outcome.result.error().code == ErrorCode::kTimeout);
    CHECK(outcome.result.error().message.find("nothing") != std::string::npos);
  }
}

TEST_CASE("a WebSocket that cannot be opened says why", "[websocket]") {
  CHECK(converse(request_to(":")).result.error().code == ErrorCode::kInvalidInput);
  const auto refused =
      converse(request_to("http://127.0.0.1:" + std::to_string(unused_port()))).result.error();
  CHECK(refused.code == ErrorCode::kUnavailable);
  CHECK_FALSE(refused.outcome_unknown);
  CHECK(refused.object.starts_with("127.0.0.1:"));
  CHECK(converse(request_to("http://no-such-host.invalid/")).result.error().code == ErrorCode::kUnavailable);
  RawServer silent([](RawConnection& connection) { connection.wait_end(); });
  WebSocketRequest request = request_to("http://127.0.0.1:" + std::to_string(silent.port()));
  request.connect_timeout = 50ms;
  CHECK(converse(request).result.error().code == ErrorCode::kTimeout);
}

TEST_CASE("a WebSocket over TLS checks the server's certificate", "[websocket][tls]") {
  const TestAuthority authority;
  const TestAuthority other("another authority");
  const auto code_with = [&](const TestCertificate& certificate, const std::string& ca_pem) {
    TestServer server({.limits = with_websockets(),
                       .handle = serving(&send_three),
                       .tls = ServerTls{certificate.certificate_pem, Secret(certificate.key_pem)}});
    TlsOptions tls;
    tls.ca_pem = ca_pem;
    const Outcome outcome = converse(request_to(server.tls_url()), tls);
    REQUIRE_FALSE(outcome.result.has_value());
    CHECK_FALSE(outcome.result.error().outcome_unknown);
    CHECK(outcome.result.error().message.find("certificate") != std::string::npos);
  };
  code_with(other.issue({"127.0.0.1"}), authority.certificate_pem());
  code_with(authority.issue({"example.com"}), authority.certificate_pem());
  code_with(authority.issue({"127.0.0.1"}, -60s), authority.certificate_pem());
}

TEST_CASE("a peer that vanishes is an error, on either side", "[websocket]") {
  SECTION("the server") {
    TestServer server({.limits = with_websockets(), .handle = serving([](WebSocketPeer& peer) {
                                                      peer.send("hello");
                                                      while (peer.receive()) continue;
                                                    })});
    WebSocketRequest request = request_to(server.url());
    UpgradeRefusal refusal;
    std::thread stopper;
    const auto result = run_websocket(
        request, {}, {},
        [&](std::string_view) {
          stopper = std::thread([&] { server->stop(0ms); });
          return true;
        },
        refusal);
    stopper.join();
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == ErrorCode::kUnavailable);
    CHECK(result.error().outcome_unknown);
  }
  SECTION("the client") {
    std::atomic<bool> ended = false;
    TestServer server({.limits = with_websockets(), .handle = serving([&](WebSocketPeer& peer) {
                                                      peer.send("hello");
                                                      ended = !peer.receive().has_value() && !peer.send("x");
                                                    })});
    RawConnection client = RawConnection::open(server.port());
    client.send(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    CHECK(client.read_until("hello").find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != std::string::npos);
    client.reset();
    server.destroy();
    CHECK(ended);
  }
}

TEST_CASE("frames that are not allowed end the conversation", "[websocket]") {
  std::string frame;
  SECTION("a masked frame from the server") {
    frame = std::string("\x82\x81\x01\x02\x03\x04\x60", 7);
  }
  SECTION("a reserved opcode") {
    frame = std::string("\x83\x01\x61", 3);
  }
  SECTION("a control frame in pieces") {
    frame = std::string("\x09\x01\x61", 3);
  }
  SECTION("a length beyond the limit") {
    frame = std::string("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10);
  }
  TestServer real({.limits = with_websockets(), .handle = serving([](WebSocketPeer&) {})});
  RawServer server([&](RawConnection& connection) {
    // The accept key depends on the request: a real server makes the answer.
    const std::string request = connection.read_until("\r\n\r\n");
    RawConnection upstream = RawConnection::open(real.port());
    upstream.send(request);
    const std::string answer = upstream.read_until("\r\n\r\n");
    connection.send(answer.substr(0, answer.find("\r\n\r\n") + 4) + frame);
    connection.wait_end();
  });
  const Outcome outcome = converse(request_to("http://127.0.0.1:" + std::to_string(server.port())));
  REQUIRE_FALSE(outcome.result.has_value());
  CHECK(outcome.messages.empty());
}

}  // namespace kintsugi::net
