// SPDX-License-Identifier: Apache-2.0
#include "net/listener.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <cerrno>
#include <system_error>

#include "base/escape.h"
#include "net/unix_socket.h"

namespace kintsugi::net {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using boost::system::error_code;

/// How long accepting rests when the process has no descriptors left.
constexpr std::chrono::milliseconds kRestTime{50};

ConnectedPeer internet_peer(const std::string& address, std::uint16_t port) {
  return {address, format_peer(address, port), std::nullopt};
}

ConnectedPeer local_peer(int descriptor) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return {"unknown", "unknown", std::nullopt};
  const std::string address = "uid " + std::to_string(credentials.uid);
  return {address, address + ", pid " + std::to_string(credentials.pid), credentials.uid};
}

ConnectedPeer peer_of(int descriptor, const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_UNIX) return local_peer(descriptor);
  if (storage.ss_family == AF_INET6) {
    const auto& ip6 = reinterpret_cast<const sockaddr_in6&>(storage);
    inet_ntop(AF_INET6, &ip6.sin6_addr, text, sizeof text);
    return internet_peer(text, ntohs(ip6.sin6_port));
  }
  const auto& ip4 = reinterpret_cast<const sockaddr_in&>(storage);
  inet_ntop(AF_INET, &ip4.sin_addr, text, sizeof text);
  return internet_peer(text, ntohs(ip4.sin_port));
}

/// A bound socket that listens, and its port.
struct BoundSocket {
  int descriptor = -1;
  std::uint16_t port = 0;
};

error_code bind(asio::io_context& context, const Tcp::endpoint& endpoint, BoundSocket& bound) {
  asio::basic_socket_acceptor<Tcp> acceptor(context);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) acceptor.non_blocking(true, error);
  if (!error) bound.port = acceptor.local_endpoint(error).port();
  if (!error) bound.descriptor = acceptor.release(error);
  return error;
}

class AsioListener final : public Listener, public std::enable_shared_from_this<AsioListener> {
 public:
  AsioListener(asio::io_context& context, BoundSocket bound, std::unique_ptr<UnixSocketFile> file,
               Logger& log, Accepted accepted)
      : log_(log),
        accepted_(std::move(accepted)),
        port_(bound.port),
        file_(std::move(file)),
        acceptor_(asio::make_strand(context), bound.descriptor),
        rest_(acceptor_.get_executor()) {}

  void wait() {
    acceptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                         [self = shared_from_this()](error_code error) {
                           if (!error) self->accept_all();
                         });
  }

  std::uint16_t port() const override { return port_; }

  void close() override {
    if (file_ != nullptr) file_->remove();
    asio::post(acceptor_.get_executor(), [self = shared_from_this()] {
      error_code ignored;
      self->acceptor_.close(ignored);
      self->rest_.cancel();
    });
  }

 private:
  void accept_all() {
    while (acceptor_.is_open()) {
      sockaddr_storage storage{};
      socklen_t size = sizeof storage;
      const int descriptor = accept4(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&storage), &size,
                                     SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (descriptor < 0) return on_accept_error(errno);
      accepted_(descriptor, peer_of(descriptor, storage));
    }
  }

  void on_accept_error(int error) {
    if (error == EAGAIN || error == ECONNABORTED || error == EINTR || error == EPROTO) return wait();
    log_.warning("cannot accept a connection", {{"error", std::generic_category().message(error)}});
    rest_.expires_after(kRestTime);
    rest_.async_wait([self = shared_from_this()](error_code cancelled) {
      if (!cancelled) self->wait();
    });
  }

  Logger& log_;
  const Accepted accepted_;
  const std::uint16_t port_;
  const std::unique_ptr<UnixSocketFile> file_;  ///< null: TCP
  asio::posix::stream_descriptor acceptor_;
  asio::steady_timer rest_;
};

}  // namespace

Result<std::shared_ptr<Listener>> Listener::start(asio::io_context& context, const std::string& address,
                                                  std::uint16_t port, Logger& log, Accepted accepted) {
  error_code error;
  const auto ip = asio::ip::make_address(address, error);
  if (error) {
    return fail(make_error(ErrorCode::kInvalidInput, "bad listen address \"" + escape(address, 80) + "\"")
                    .advise("give a numeric IPv4 or IPv6 address"));
  }
  BoundSocket bound;
  error = bind(context, {ip, port}, bound);
  if (error) {
    return fail(make_error(ErrorCode::kUnavailable, "cannot listen: " + error.message())
                    .on(format_peer(address, port))
                    .advise("choose another address or port, or stop what uses it"));
  }
  auto listener = std::make_shared<AsioListener>(context, bound, nullptr, log, std::move(accepted));
  listener->wait();
  return listener;
}

Result<std::shared_ptr<Listener>> Listener::start_unix(asio::io_context& context, const std::string& path,
                                                       Logger& log, Accepted accepted) {
  auto file = UnixSocketFile::listen(path);
  if (!file) return fail(std::move(file).error());
  const BoundSocket bound{(*file)->take_descriptor(), 0};
  auto listener = std::make_shared<AsioListener>(context, bound, std::move(*file), log, std::move(accepted));
  listener->wait();
  return listener;
}

std::string format_peer(const std::string& address, std::uint16_t port) {
  const bool ip6 = address.find(':') != std::string::npos;
  return (ip6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

}  // namespace kintsugi::net
