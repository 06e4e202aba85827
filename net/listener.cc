// SPDX-License-Identifier: Apache-2.0
#include "net/listener.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <cerrno>
#include <system_error>

#include "base/escape.h"

namespace kintsugi::net {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using boost::system::error_code;

/// How long accepting rests when the process has no descriptors left.
constexpr std::chrono::milliseconds kRestTime{50};

struct Peer {
  std::string address;
  std::uint16_t port = 0;
};

Peer peer_of(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET6) {
    const auto& ip6 = reinterpret_cast<const sockaddr_in6&>(storage);
    inet_ntop(AF_INET6, &ip6.sin6_addr, text, sizeof text);
    return {text, ntohs(ip6.sin6_port)};
  }
  const auto& ip4 = reinterpret_cast<const sockaddr_in&>(storage);
  inet_ntop(AF_INET, &ip4.sin_addr, text, sizeof text);
  return {text, ntohs(ip4.sin_port)};
}

class AsioListener final : public Listener, public std::enable_shared_from_this<AsioListener> {
 public:
  AsioListener(asio::io_context& context, Logger& log, Accepted accepted)
      : log_(log),
        accepted_(std::move(accepted)),
        acceptor_(asio::make_strand(context)),
        rest_(acceptor_.get_executor()) {}

  error_code bind(const Tcp::endpoint& endpoint) {
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (!error) acceptor_.non_blocking(true, error);
    if (!error) port_ = acceptor_.local_endpoint(error).port();
    return error;
  }

  void wait() {
    acceptor_.async_wait(Tcp::acceptor::wait_read, [self = shared_from_this()](error_code error) {
      if (!error) self->accept_all();
    });
  }

  std::uint16_t port() const override { return port_; }

  void close() override {
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
      const Peer peer = peer_of(storage);
      accepted_(descriptor, peer.address, peer.port);
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
  asio::basic_socket_acceptor<Tcp> acceptor_;
  asio::steady_timer rest_;
  std::uint16_t port_ = 0;
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
  auto listener = std::make_shared<AsioListener>(context, log, std::move(accepted));
  error = listener->bind({ip, port});
  if (error) {
    return fail(make_error(ErrorCode::kUnavailable, "cannot listen: " + error.message())
                    .on(format_peer(address, port))
                    .advise("choose another address or port, or stop what uses it"));
  }
  listener->wait();
  return listener;
}

std::string format_peer(const std::string& address, std::uint16_t port) {
  const bool ip6 = address.find(':') != std::string::npos;
  return (ip6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

}  // namespace kintsugi::net
