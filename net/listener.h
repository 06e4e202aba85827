// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/result.h"

namespace boost::asio {
class io_context;
}

namespace kintsugi::net {

/// Who has connected.
struct ConnectedPeer {
  std::string address;               ///< what connections are counted by: "127.0.0.1", "uid 0"
  std::string name;                  ///< for people: "127.0.0.1:80", "uid 0, pid 123"
  std::optional<std::uint32_t> uid;  ///< as the kernel vouches for it, over a unix socket
};

/// A listening socket.
class Listener {
 public:
  /// Called with an accepted, non-blocking descriptor, which the callee owns then.
  using Accepted = std::function<void(int descriptor, const ConnectedPeer& peer)>;

  virtual ~Listener() = default;
  /// 0: a unix socket.
  virtual std::uint16_t port() const = 0;
  /// Thread-safe; `accepted` may still be under way. Takes the file of a unix socket away.
  virtual void close() = 0;

  /// Binds and starts accepting. Errors as start_http_server().
  static Result<std::shared_ptr<Listener>> start(boost::asio::io_context& context, const std::string& address,
                                                 std::uint16_t port, Logger& log, Accepted accepted);
  /// The same on a unix socket at `path`, for its owner and root only: see UnixSocketFile.
  static Result<std::shared_ptr<Listener>> start_unix(boost::asio::io_context& context,
                                                      const std::string& path, Logger& log,
                                                      Accepted accepted);
};

/// "127.0.0.1:80", "[::1]:80".
std::string format_peer(const std::string& address, std::uint16_t port);

}  // namespace kintsugi::net
