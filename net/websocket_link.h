// SPDX-License-Identifier: Apache-2.0
//
// RFC 6455 over a Socket, for both ends: all of Beast's WebSocket code is behind this class.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <system_error>

#include "net/http.h"
#include "net/http_server.h"
#include "net/socket.h"

namespace kintsugi::net {

/// Lives on the socket's strand like the socket itself. One read and one write at a time; ping() and close()
/// may come in between. Callbacks keep the link alive.
class WebSocketLink : public std::enable_shared_from_this<WebSocketLink> {
 public:
  using Done = std::function<void(std::error_code)>;

  WebSocketLink(std::shared_ptr<Socket> socket, std::size_t max_message_bytes);
  ~WebSocketLink();

  struct Opening {
    std::string host;  ///< the Host header
    std::string target;
    Headers headers;
    std::string authorization;  ///< empty: none
    std::string subprotocol;    ///< empty: none
  };
  /// Client: `done` has the server's answer, whether it accepted or not.
  void connect(const Opening& opening, std::function<void(std::error_code, HttpResponse)> done);
  /// Server: answers an upgrade request.
  void accept(const ServerRequest& request, const std::string& subprotocol, Done done);

  /// The next whole message, text or binary. Control frames are answered in between.
  void read(std::function<void(std::error_code, std::string)> done);
  /// One binary message.
  void write(std::string message, Done done);
  void ping(Done done);
  /// The closing handshake.
  void close(Done done);
  /// Called for each control frame that comes while reading.
  void on_control_frame(std::function<void()> seen);

  enum class Trouble { kClosed, kDeclined, kTooLarge, kOther };
  /// kClosed: the peer closed in order. kDeclined: it answered the upgrade with something else.
  static Trouble trouble_of(std::error_code error);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kintsugi::net
