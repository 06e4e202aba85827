// SPDX-License-Identifier: Apache-2.0
#include "net/socket.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <cstring>

namespace kintsugi::net {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using TlsStream = asio::ssl::stream<Tcp::socket>;
using SteadyTime = std::chrono::steady_clock::time_point;
using boost::system::error_code;

Tcp::socket& lowest(Tcp::socket& stream) {
  return stream;
}
Tcp::socket& lowest(TlsStream& stream) {
  return stream.next_layer();
}

template <class Stream>
class AsioSocket final : public Socket, public std::enable_shared_from_this<AsioSocket<Stream>> {
 public:
  static constexpr bool kTls = std::is_same_v<Stream, TlsStream>;

  AsioSocket(Stream stream, asio::ssl::stream_base::handshake_type role)
      : stream_(std::move(stream)), executor_(stream_.get_executor()), role_(role), timer_(executor_) {}

  void handshake(Done done) override {
    if constexpr (kTls) {
      stream_.async_handshake(role_,
                              [self = this->shared_from_this(), done](error_code error) { done(error, 0); });
    } else {
      asio::post(executor_, [done] { done({}, 0); });
    }
  }

  void read(char* into, std::size_t size, Done done) override {
    stream_.async_read_some(asio::buffer(into, size), keeping_alive(std::move(done)));
  }

  void write(std::string_view bytes, Done done) override {
    asio::async_write(stream_, asio::buffer(bytes), keeping_alive(std::move(done)));
  }

  void finish(bool linger, Done done) override {
    if (linger) {
      error_code ignored;
      lowest(stream_).shutdown(Tcp::socket::shutdown_send, ignored);
      drop_input(std::move(done));
    } else if constexpr (kTls) {
      stream_.async_shutdown([self = this->shared_from_this(), done](error_code error) {
        self->close();
        done(error, 0);
      });
    } else {
      close();
      asio::post(executor_, [done] { done({}, 0); });
    }
  }

  void close() override {
    error_code ignored;
    lowest(stream_).close(ignored);
    clear_deadline();
    timer_.cancel();
  }

  void set_deadline(std::chrono::milliseconds from_now) override {
    deadline_ = std::chrono::steady_clock::now() + from_now;
    expired_ = false;
    if (deadline_ < armed_until_) arm();
  }

  void clear_deadline() override { deadline_ = SteadyTime::max(); }
  bool expired() const override { return expired_; }

  std::string certificate_trouble() const override {
    if constexpr (kTls) {
      SSL* ssl = const_cast<Stream&>(stream_).native_handle();
      const long verdict = SSL_get_verify_result(ssl);
      if (verdict != X509_V_OK) return X509_verify_cert_error_string(verdict);
    }
    return {};
  }

  const asio::any_io_executor& executor() const override { return executor_; }
  void post(std::function<void()> work) override { asio::post(executor_, std::move(work)); }

 private:
  auto keeping_alive(Done done) {
    return [self = this->shared_from_this(), done = std::move(done)](error_code error, std::size_t bytes) {
      done(error, bytes);
    };
  }

  void drop_input(Done done) {
    lowest(stream_).async_read_some(asio::buffer(dropped_),
                                    [self = this->shared_from_this(), done](error_code error, std::size_t) {
                                      if (!error) return self->drop_input(done);
                                      self->close();
                                      done({}, 0);
                                    });
  }

  /// The timer is set anew only when it would fire too late: a deadline that is put off costs nothing.
  void arm() {
    armed_until_ = deadline_;
    timer_.expires_at(deadline_);
    timer_.async_wait([weak = this->weak_from_this()](error_code error) {
      const auto self = weak.lock();
      if (!error && self != nullptr) self->on_timer();
    });
  }

  void on_timer() {
    armed_until_ = SteadyTime::max();
    if (deadline_ == SteadyTime::max()) return;
    if (std::chrono::steady_clock::now() < deadline_) return arm();
    deadline_ = SteadyTime::max();
    expired_ = true;
    error_code ignored;
    lowest(stream_).cancel(ignored);
  }

  Stream stream_;
  const asio::any_io_executor executor_;
  const asio::ssl::stream_base::handshake_type role_;
  asio::steady_timer timer_;
  SteadyTime deadline_ = SteadyTime::max();
  SteadyTime armed_until_ = SteadyTime::max();
  bool expired_ = false;
  std::array<char, 4096> dropped_;
};

std::shared_ptr<Socket> wrap(Tcp::socket socket, ssl_ctx_st* tls, const std::string& server_name,
                             bool server) {
  error_code ignored;
  socket.set_option(Tcp::no_delay(true), ignored);  // a unix socket has none, and needs none
  const auto role = server ? asio::ssl::stream_base::server : asio::ssl::stream_base::client;
  if (tls == nullptr) return std::make_shared<AsioSocket<Tcp::socket>>(std::move(socket), role);
  SSL* ssl = SSL_new(tls);
  if (!server_name.empty()) {
    in6_addr address;
    const bool numeric = inet_pton(AF_INET, server_name.c_str(), &address) == 1 ||
                         inet_pton(AF_INET6, server_name.c_str(), &address) == 1;
    if (numeric) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_name.c_str());
    } else {
      SSL_set_tlsext_host_name(ssl, server_name.c_str());
      SSL_set1_host(ssl, server_name.c_str());
    }
  }
  return std::make_shared<AsioSocket<TlsStream>>(TlsStream(std::move(socket), ssl), role);
}

/// Tries one address after the other.
class Connector : public std::enable_shared_from_this<Connector> {
 public:
  Connector(asio::io_context& context, std::vector<SocketAddress> addresses, ssl_ctx_st* tls,
            std::string server_name, Connected done)
      : socket_(asio::make_strand(context)),
        addresses_(std::move(addresses)),
        tls_(tls),
        server_name_(std::move(server_name)),
        done_(std::move(done)) {}

  void try_next(error_code last) {
    if (next_ == addresses_.size()) return done_(last, nullptr);
    const SocketAddress& address = addresses_[next_++];
    Tcp::endpoint endpoint;
    std::memcpy(endpoint.data(), &address.storage, address.size);
    endpoint.resize(address.size);
    error_code ignored;
    socket_.close(ignored);
    socket_.async_connect(endpoint, [self = shared_from_this()](error_code error) {
      if (error) return self->try_next(error);
      self->done_({}, wrap(std::move(self->socket_), self->tls_, self->server_name_, false));
    });
  }

 private:
  Tcp::socket socket_;
  const std::vector<SocketAddress> addresses_;
  ssl_ctx_st* const tls_;
  const std::string server_name_;
  const Connected done_;
  std::size_t next_ = 0;
};

}  // namespace

std::shared_ptr<Socket> adopt_server_socket(asio::io_context& context, int descriptor, ssl_ctx_st* tls) {
  Tcp::socket socket(asio::make_strand(context));
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  error_code ignored;
  // A unix socket is read, written and shut down as any other stream: Asio only keeps the family's name.
  socket.assign(address.ss_family == AF_INET6 ? Tcp::v6() : Tcp::v4(), descriptor, ignored);
  return wrap(std::move(socket), tls, {}, true);
}

void connect_socket(asio::io_context& context, std::vector<SocketAddress> addresses, ssl_ctx_st* tls,
                    const std::string& server_name, Connected done) {
  const auto connector =
      std::make_shared<Connector>(context, std::move(addresses), tls, server_name, std::move(done));
  connector->try_next(asio::error::host_not_found);
}

}  // namespace kintsugi::net
