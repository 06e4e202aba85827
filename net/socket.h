// SPDX-License-Identifier: Apache-2.0
//
// A TCP connection (or one of a unix socket), plain or with TLS, as the HTTP server and WebSockets see it:
// all of Asio's streams are behind this interface, so that they are compiled once.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

struct ssl_ctx_st;

namespace boost::asio {
class io_context;
class any_io_executor;
}  // namespace boost::asio

namespace kintsugi::net {

/// Belongs to one strand: every call but post() is made there, every callback comes there, never from within
/// the call itself. At most one read and one write at a time. Callbacks keep the socket alive.
class Socket {
 public:
  using Done = std::function<void(std::error_code, std::size_t bytes)>;

  virtual ~Socket() = default;
  /// TLS: the handshake. Plain: nothing, at once.
  virtual void handshake(Done done) = 0;
  /// At least one byte, or an error (also for the end).
  virtual void read(char* into, std::size_t size, Done done) = 0;
  /// All of `bytes`, which must live until then.
  virtual void write(std::string_view bytes, Done done) = 0;
  /// Ends the connection in order, then calls `done`. With `linger` what the peer still sends is read and
  /// dropped until it closes, so that a reset does not overtake the answer; without, the peer must have
  /// nothing to send.
  virtual void finish(bool linger, Done done) = 0;
  /// Closes at once; what is pending fails.
  virtual void close() = 0;

  /// Makes pending operations fail that have not ended by then. Replaces the deadline before.
  virtual void set_deadline(std::chrono::milliseconds from_now) = 0;
  virtual void clear_deadline() = 0;
  /// True when the last deadline passed.
  virtual bool expired() const = 0;

  /// What OpenSSL has against the peer's certificate, or nothing.
  virtual std::string certificate_trouble() const = 0;
  virtual const boost::asio::any_io_executor& executor() const = 0;
  /// Runs `work` on the strand. Thread-safe.
  virtual void post(std::function<void()> work) = 0;
};

/// A resolved address.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

/// Takes over an accepted, non-blocking descriptor, TCP or AF_UNIX. `tls` is null for plain text.
std::shared_ptr<Socket> adopt_server_socket(boost::asio::io_context& context, int descriptor,
                                            ssl_ctx_st* tls);

using Connected = std::function<void(std::error_code, std::shared_ptr<Socket>)>;
/// Connects to the first of `addresses` that answers (without the TLS handshake). `server_name` is the SNI
/// and what the certificate must be for; with `tls` null it is not used.
void connect_socket(boost::asio::io_context& context, std::vector<SocketAddress> addresses, ssl_ctx_st* tls,
                    const std::string& server_name, Connected done);

}  // namespace kintsugi::net
