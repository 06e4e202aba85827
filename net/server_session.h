// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "net/http_server.h"
#include "net/listener.h"
#include "net/request_parser.h"
#include "net/server_registry.h"
#include "net/server_response.h"
#include "net/socket.h"
#include "net/stream_buffer.h"

namespace kintsugi::net {

/// One connection of the server: its requests one after the other, each answered before the next is read.
/// Everything but post() is called on the socket's strand.
class ServerSession : public std::enable_shared_from_this<ServerSession> {
 public:
  ServerSession(ServerRegistry& registry, std::shared_ptr<Socket> socket, ConnectedPeer peer);

  void start();
  /// Closes when the exchange under way has ended; at once where there is none.
  void drain();
  void close();

  /// Runs `work` on the strand. Thread-safe.
  void post(std::function<void(ServerSession&)> work);

  // The answer to the request that was handed out last; ignored when the connection has gone.
  void answer(HttpResponse response);
  /// Nobody is going to answer it: a 500.
  void fail();
  void start_stream(const HttpResponse& head, std::shared_ptr<StreamBuffer> stream);
  /// The stream has something to write, or has ended.
  void flush_stream();
  void accept_websocket(const std::string& subprotocol, std::function<void(WebSocketPeer&)> serve);

 private:
  enum class Phase {
    kHandshake,
    kHead,
    kBody,
    kHandling,
    kAnswering,
    kStreaming,
    kDroppingBody,
    kFinishing,
    kEnded
  };

  void next_request();
  void read_more();
  void on_input(std::error_code error, std::size_t bytes);
  void on_no_input();
  void advance();
  void on_head();
  void expect_body(bool say_continue);
  void dispatch();
  void refuse(int status);
  void after_answer();
  void finish(bool linger);
  void write_out(std::string bytes, std::function<void()> then);
  void write_slice();
  ResponseContext response_context();
  std::optional<HttpResponse> admit();

  ServerRegistry& registry_;
  const std::shared_ptr<Socket> socket_;
  const ConnectedPeer peer_;

  Phase phase_ = Phase::kHandshake;
  RequestParser parser_;
  ServerRequest request_;
  bool keep_alive_ = true;

  bool reading_ = false;
  std::array<char, 16u << 10> chunk_;
  std::string input_;  ///< read and not yet parsed

  std::string output_;
  std::size_t written_ = 0;
  std::function<void()> then_;

  std::shared_ptr<StreamBuffer> stream_;
  bool flushing_ = false;
};

}  // namespace kintsugi::net
