// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/result.h"

namespace boost::asio {
class io_context;
}

namespace kintsugi::net {

/// A listening TCP socket.
class Listener {
 public:
  /// Called with an accepted, non-blocking descriptor, which the callee owns then.
  using Accepted = std::function<void(int descriptor, const std::string& address, std::uint16_t port)>;

  virtual ~Listener() = default;
  virtual std::uint16_t port() const = 0;
  /// Thread-safe; `accepted` may still be under way.
  virtual void close() = 0;

  /// Binds and starts accepting. Errors as start_http_server().
  static Result<std::shared_ptr<Listener>> start(boost::asio::io_context& context, const std::string& address,
                                                 std::uint16_t port, Logger& log, Accepted accepted);
};

/// "127.0.0.1:80", "[::1]:80".
std::string format_peer(const std::string& address, std::uint16_t port);

}  // namespace kintsugi::net
