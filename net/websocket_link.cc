// SPDX-License-Identifier: Apache-2.0
#include "net/websocket_link.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

namespace kintsugi::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;

/// Frames are gathered into writes of at most this size.
constexpr std::size_t kMaxWriteBytes = 64u << 10;

/// Beast asks whether an error is the end of the stream; the other codes it hands through.
error_code to_boost(std::error_code error) {
  if (!error) return {};
  if (error == std::error_code(error_code(asio::error::eof)) ||
      error == std::error_code(error_code(asio::ssl::error::stream_truncated))) {
    return asio::error::eof;
  }
  return error;
}

/// A Socket as Asio's AsyncReadStream and AsyncWriteStream.
class SocketStream {
 public:
  using executor_type = asio::any_io_executor;

  explicit SocketStream(std::shared_ptr<Socket> socket) : socket_(std::move(socket)) {}
  executor_type get_executor() { return socket_->executor(); }
  Socket& socket() { return *socket_; }

  template <class Buffers, class Handler>
  auto async_read_some(const Buffers& buffers, Handler&& handler) {
    asio::mutable_buffer into = beast::buffers_front(buffers);
    for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers); ++at) {
      into = *at;
      if (into.size() > 0) break;
    }
    return asio::async_initiate<Handler, void(error_code, std::size_t)>(
        [this](auto done, asio::mutable_buffer target) {
          socket_->read(static_cast<char*>(target.data()), target.size(), once(std::move(done)));
        },
        handler, into);
  }

  template <class Buffers, class Handler>
  auto async_write_some(const Buffers& buffers, Handler&& handler) {
    auto bytes = std::make_shared<std::string>(std::min(asio::buffer_size(buffers), kMaxWriteBytes), '\0');
    asio::buffer_copy(asio::buffer(*bytes), buffers);
    return asio::async_initiate<Handler, void(error_code, std::size_t)>(
        [this](auto done, const std::shared_ptr<std::string>& gathered) {
          socket_->write(*gathered, [gathered, done = once(std::move(done))](
                                        std::error_code error, std::size_t n) { done(error, n); });
        },
        handler, bytes);
  }

 private:
  /// Socket's callbacks are copyable functions, Asio's handlers only movable.
  template <class Handler>
  static Socket::Done once(Handler handler) {
    return [shared = std::make_shared<Handler>(std::move(handler))](
               std::error_code error, std::size_t bytes) { std::move (*shared)(to_boost(error), bytes); };
  }

  std::shared_ptr<Socket> socket_;
};

// What Beast calls, by argument-dependent lookup, to end a connection.

[[maybe_unused]] void beast_close_socket(SocketStream& stream) {
  stream.socket().close();
}

[[maybe_unused]] void teardown(beast::role_type, SocketStream& stream, error_code& error) {
  stream.socket().close();
  error = {};
}

template <class Handler>
void async_teardown(beast::role_type, SocketStream& stream, Handler&& handler) {
  stream.socket().close();
  asio::post(stream.get_executor(),
             [handler = std::forward<Handler>(handler)]() mutable { handler(error_code()); });
}

template <class Message>
Headers headers_of(const Message& message) {
  Headers headers;
  for (const auto& field : message) headers.add(std::string(field.name_string()), std::string(field.value()));
  return headers;
}

void add_opening_headers(websocket::request_type& request, const WebSocketLink::Opening& opening) {
  for (const auto& [name, value] : opening.headers.all()) request.insert(name, value);
  if (!opening.authorization.empty()) request.set(http::field::authorization, opening.authorization);
  if (!opening.subprotocol.empty()) request.set(http::field::sec_websocket_protocol, opening.subprotocol);
}

}  // namespace

struct WebSocketLink::Impl {
  explicit Impl(std::shared_ptr<Socket> socket) : stream(std::move(socket)) {}

  websocket::stream<SocketStream, false> stream;  // without compression
  beast::flat_buffer input;
  std::string output;
  websocket::request_type request;
  websocket::response_type response;
};

WebSocketLink::WebSocketLink(std::shared_ptr<Socket> socket, std::size_t max_message_bytes)
    : impl_(std::make_unique<Impl>(std::move(socket))) {
  impl_->stream.read_message_max(max_message_bytes);
  impl_->stream.binary(true);
  impl_->stream.auto_fragment(false);
}

WebSocketLink::~WebSocketLink() = default;

void WebSocketLink::connect(const Opening& opening, std::function<void(std::error_code, HttpResponse)> done) {
  impl_->stream.set_option(websocket::stream_base::decorator(
      [opening](websocket::request_type& request) { add_opening_headers(request, opening); }));
  impl_->stream.async_handshake(
      impl_->response, opening.host, opening.target, [self = shared_from_this(), done](error_code error) {
        const websocket::response_type& response = self->impl_->response;
        done(error, HttpResponse{int(response.result_int()), headers_of(response), response.body()});
      });
}

void WebSocketLink::accept(const ServerRequest& request, const std::string& subprotocol, Done done) {
  impl_->request.method_string(request.method);
  impl_->request.target(request.target);
  impl_->request.version(11);
  for (const auto& [name, value] : request.headers.all()) impl_->request.insert(name, value);
  impl_->stream.set_option(
      websocket::stream_base::decorator([subprotocol](websocket::response_type& response) {
        if (!subprotocol.empty()) response.set(http::field::sec_websocket_protocol, subprotocol);
      }));
  impl_->stream.async_accept(impl_->request,
                             [self = shared_from_this(), done](error_code error) { done(error); });
}

void WebSocketLink::read(std::function<void(std::error_code, std::string)> done) {
  impl_->stream.async_read(impl_->input, [self = shared_from_this(), done](error_code error, std::size_t) {
    std::string message = beast::buffers_to_string(self->impl_->input.cdata());
    self->impl_->input.clear();
    done(error, std::move(message));
  });
}

void WebSocketLink::write(std::string message, Done done) {
  impl_->output = std::move(message);
  impl_->stream.async_write(asio::buffer(impl_->output), [self = shared_from_this(), done](
                                                             error_code error, std::size_t) { done(error); });
}

void WebSocketLink::ping(Done done) {
  impl_->stream.async_ping({}, [self = shared_from_this(), done](error_code error) { done(error); });
}

void WebSocketLink::close(Done done) {
  impl_->stream.async_close(websocket::close_code::normal,
                            [self = shared_from_this(), done](error_code error) { done(error); });
}

void WebSocketLink::on_control_frame(std::function<void()> seen) {
  impl_->stream.control_callback(
      [seen = std::move(seen)](websocket::frame_type, beast::string_view) { seen(); });
}

WebSocketLink::Trouble WebSocketLink::trouble_of(std::error_code error) {
  if (error == std::error_code(error_code(websocket::error::closed))) return Trouble::kClosed;
  if (error == std::error_code(error_code(websocket::error::upgrade_declined))) return Trouble::kDeclined;
  if (error == std::error_code(error_code(websocket::error::message_too_big)) ||
      error == std::error_code(error_code(websocket::error::buffer_overflow))) {
    return Trouble::kTooLarge;
  }
  return Trouble::kOther;
}

}  // namespace kintsugi::net
