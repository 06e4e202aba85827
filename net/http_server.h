// SPDX-License-Identifier: Apache-2.0
//
// The HTTP/1.1 server that takes signals, serves metrics and, in the sandbox, plays an API server.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"
#include "net/http.h"

namespace kintsugi::net {

/// A request as a handler sees it.
struct ServerRequest {
  std::string method;
  std::string target;  ///< path and query as sent
  std::string path;    ///< without the query; not decoded
  std::string query;   ///< after '?', without it; may be empty
  Headers headers;
  std::string body;
  std::string peer;                       ///< "127.0.0.1:40312"; over a unix socket "uid 0, pid 123"
  std::optional<std::uint32_t> peer_uid;  ///< over a unix socket: whose process has connected
};

/// Writes a body piece by piece (a watch). Thread-safe. Destroying it ends the body with the final chunk.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  /// Queues bytes as one chunk. False once the client has gone or more than the buffer limit waits unread.
  virtual bool write(std::string bytes) = 0;
  /// Ends the connection without the final chunk, as a broken server would.
  virtual void abort() = 0;
};

/// A two-way byte stream after an accepted WebSocket upgrade. Thread-safe for one reader and one writer.
class WebSocketPeer {
 public:
  virtual ~WebSocketPeer() = default;
  /// Sends one binary message.
  virtual bool send(std::string_view message) = 0;
  /// Blocks for the next message; an error at the end.
  virtual Result<std::string> receive() = 0;
  virtual void close() = 0;
};

/// Answers one request, exactly once. May be kept and used from another thread; one that is destroyed unused
/// answers 500.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual void respond(HttpResponse response) = 0;
  /// Sends the head now and the body through the returned writer.
  virtual std::shared_ptr<BodyWriter> start_stream(HttpResponse head) = 0;
  /// Accepts a WebSocket upgrade (RFC 6455) with this subprotocol and calls `serve` on a thread of its own.
  /// Only where the server was given `max_websockets` above 0. A message may have `max_body_bytes`.
  virtual void accept_websocket(std::string subprotocol, std::function<void(WebSocketPeer&)> serve) = 0;
};

using Handler = std::function<void(ServerRequest request, std::unique_ptr<Responder> responder)>;

struct ServerLimits {
  /// A connection above a limit takes the place of one that has no admitted request under way (a handshake, a
  /// head or a refused body that does not come, kept alive): the one that waits longest, of the address with
  /// the most connections, of its own where that is full. Where there is none, it is the new one that is
  /// closed.
  std::size_t max_connections = 1024;
  std::size_t max_connections_per_peer = 256;
  std::size_t max_header_bytes = 16u << 10;
  std::size_t max_body_bytes = 1u << 20;             ///< above it: 413
  std::chrono::milliseconds header_timeout{10'000};  ///< also the idle time of a kept-alive connection
  std::chrono::milliseconds body_timeout{30'000};    ///< from the end of the headers to the end of the body
  std::chrono::milliseconds write_timeout{30'000};
  std::size_t max_stream_buffer_bytes = 4u << 20;
  std::size_t max_websockets = 0;
};

struct ServerTls {
  std::string certificate_pem;
  Secret key_pem;
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free one
  /// Listen on a unix socket at this path, of mode 0600, and not on `address` and `port`. One that a crash
  /// left behind is replaced, one on which somebody answers is not. Gone after stop(). The directory is to be
  /// writable for nobody else. Empty: TCP.
  std::string unix_socket{};
  unsigned threads = 2;
  ServerLimits limits{};
  /// Called before the body of a request is read, with an empty body. A response ends the exchange there:
  /// this is where a full queue says 429 and a missing credential 401.
  std::function<std::optional<HttpResponse>(const ServerRequest&)> admit{};
  Handler handle{};
  /// Makes the answer where the server itself refuses (400, 408, 413, 431, 501, 505) or a handler failed
  /// (500), with that status. Empty: a line of plain text. Must be thread-safe.
  std::function<HttpResponse(int status)> refusal{};
  std::optional<ServerTls> tls{};
};

/// Listens from construction by start() until stop(). Thread-safe.
class HttpServer {
 public:
  virtual ~HttpServer() = default;
  /// The bound port; 0: a unix socket.
  virtual std::uint16_t port() const = 0;
  /// For new connections; those that are open keep the old certificate. Fails and changes nothing on a bad
  /// pair.
  virtual Result<void> reload_tls(const ServerTls& tls) = 0;
  /// Stops accepting, lets exchanges under way finish within `grace`, then closes everything and waits for
  /// the WebSockets' `serve` functions, whose calls fail by then. Idempotent. Not from a handler: it waits
  /// for them.
  virtual void stop(std::chrono::milliseconds grace) = 0;
};

/// Binds and starts. Errors: kUnavailable (address in use, not bindable), kInvalidInput (bad certificate,
/// address or path).
Result<std::unique_ptr<HttpServer>> start_http_server(ServerOptions options, Logger& log);

}  // namespace kintsugi::net
