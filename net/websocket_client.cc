// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>

#include "base/clock.h"
#include "base/escape.h"
#include "net/header_rules.h"
#include "net/resolver.h"
#include "net/socket.h"
#include "net/tls_context.h"
#include "net/url.h"
#include "net/websocket.h"
#include "net/websocket_link.h"

namespace kintsugi::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::chrono::milliseconds kCloseTime{1000};
constexpr std::size_t kRefusalBodyBytes = 1024;

Result<Url> check(const WebSocketRequest& request) {
  if (!is_field_value(request.bearer_token.reveal())) {
    return fail(ErrorCode::kInvalidInput, "the bearer token has characters that a header cannot carry");
  }
  if (!request.subprotocol.empty() && !is_token(request.subprotocol)) {
    return fail(ErrorCode::kInvalidInput, "bad WebSocket subprotocol");
  }
  if (Result<void> headers = check_headers(request.headers); !headers) return fail(headers.error());
  return parse_url(request.url);
}

/// One conversation on a private io_context that only the calling thread drives: Beast's synchronous calls
/// know no timeouts, its asynchronous ones do, and the caller still has a call that blocks.
class Conversation {
 public:
  Conversation(const WebSocketRequest& request, const Url& url, TlsContext tls, std::string server_name,
               const std::function<bool(std::string_view)>& on_message, UpgradeRefusal& refusal)
      : request_(request),
        url_(url),
        tls_(std::move(tls)),
        server_name_(std::move(server_name)),
        on_message_(on_message),
        refusal_(refusal),
        context_(1),
        connect_timer_(context_),
        deadline_timer_(context_),
        ping_timer_(context_) {}

  Result<void> run(std::vector<SocketAddress> addresses, std::chrono::milliseconds connect_time,
                   std::chrono::milliseconds time, std::stop_token stop) {
    const std::stop_callback on_stop(std::move(stop), [this] {
      asio::post(context_, [this] { end(make_error(ErrorCode::kCancelled, "stopped")); });
    });
    end_after(connect_timer_, connect_time, "no WebSocket within the time for connecting");
    end_after(deadline_timer_, time, "the WebSocket's deadline passed");
    connect_socket(
        context_, std::move(addresses), tls_.get(), server_name_,
        [this](std::error_code error, std::shared_ptr<Socket> socket) { on_connected(error, socket); });
    context_.run();
    if (error_) return fail(std::move(*error_).on(url_.authority()));
    return {};
  }

 private:
  void end_after(asio::steady_timer& timer, std::chrono::milliseconds time, const char* message) {
    timer.expires_after(time);
    timer.async_wait([this, message](error_code cancelled) {
      if (!cancelled)
        end(make_error(ErrorCode::kTimeout, message)
                .advise("check the load of the server, or allow more time"));
    });
  }

  /// The first call decides; run() returns after it.
  void end(std::optional<Error> error) {
    if (ended_) return;
    ended_ = true;
    error_ = std::move(error);
    if (error_) error_->outcome_unknown = asked_ && error_->code != ErrorCode::kRefused;
    if (socket_ != nullptr) socket_->close();
    context_.stop();
  }

  void end_unavailable(const std::string& message, const std::string& advice) {
    end(make_error(ErrorCode::kUnavailable, message).advise(advice));
  }

  void on_connected(std::error_code error, const std::shared_ptr<Socket>& socket) {
    if (error) {
      return end_unavailable("cannot connect: " + error.message(),
                             "check that the server runs and that nothing on the way drops the connection");
    }
    socket_ = socket;
    socket_->handshake(
        [this](std::error_code failed, std::size_t) { failed ? on_tls_failed(failed) : upgrade(); });
  }

  void on_tls_failed(std::error_code error) {
    const std::string trouble = socket_->certificate_trouble();
    if (trouble.empty()) {
      return end_unavailable("no TLS connection: " + error.message(),
                             "check that the port speaks TLS 1.2 or later");
    }
    Error refused =
        make_error(ErrorCode::kUnavailable, "the server's certificate is not accepted: " + trouble)
            .advise("check the CA bundle, the expected server name and this machine's clock");
    refused.retryable = false;
    end(std::move(refused));
  }

  void upgrade() {
    asked_ = true;
    link_ = std::make_shared<WebSocketLink>(socket_, request_.max_message_bytes);
    WebSocketLink::Opening opening{
        url_.host_header(), url_.target, request_.headers, {}, request_.subprotocol};
    if (!request_.bearer_token.empty()) {
      opening.authorization = "Bearer " + std::string(request_.bearer_token.reveal());
    }
    link_->connect(opening, [this](std::error_code error, HttpResponse response) {
      on_answer(error, std::move(response));
    });
  }

  void on_answer(std::error_code error, HttpResponse response) {
    if (ended_) return;
    connect_timer_.cancel();
    if (WebSocketLink::trouble_of(error) == WebSocketLink::Trouble::kDeclined) {
      const std::string status = std::to_string(response.status);
      response.body.resize(std::min(response.body.size(), kRefusalBodyBytes));
      refusal_.response = std::move(response);
      return end(
          make_error(ErrorCode::kRefused, "the server answered HTTP " + status + " instead of a WebSocket"));
    }
    if (error)
      return end_unavailable("no WebSocket: " + error.message(), "check what stands between (proxy)");
    const std::string* chosen = response.headers.find("Sec-WebSocket-Protocol");
    if ((chosen == nullptr ? std::string() : *chosen) != request_.subprotocol) {
      return end(make_error(ErrorCode::kUnsupported, "the server chose the subprotocol \"" +
                                                         escape(chosen == nullptr ? "" : *chosen, 80) +
                                                         "\", not \"" + request_.subprotocol + "\"")
                     .advise("use a server that speaks it"));
    }
    link_->on_control_frame([this] { heard(); });
    heard();
    ping_later();
    read();
  }

  /// The peer is alive.
  void heard() { socket_->set_deadline(request_.read_idle_timeout); }

  void ping_later() {
    ping_timer_.expires_after(request_.ping_interval);
    ping_timer_.async_wait([this](error_code cancelled) {
      if (cancelled) return;
      link_->ping([this](std::error_code error) {
        if (!error) ping_later();
      });
    });
  }

  void read() {
    link_->read([this](std::error_code error, const std::string& message) {
      if (ended_) return;
      if (error) return on_read_error(error);
      heard();
      if (on_message_(message)) return read();
      close_in_order();
    });
  }

  void close_in_order() {
    ping_timer_.cancel();
    connect_timer_.expires_after(kCloseTime);
    connect_timer_.async_wait([this](error_code) { end(std::nullopt); });
    link_->close([this](std::error_code) { end(std::nullopt); });
  }

  void on_read_error(std::error_code error) {
    switch (WebSocketLink::trouble_of(error)) {
      case WebSocketLink::Trouble::kClosed: return end(std::nullopt);
      case WebSocketLink::Trouble::kTooLarge:
        return end(
            make_error(ErrorCode::kTooLarge,
                       "a message is larger than " + std::to_string(request_.max_message_bytes) + " bytes"));
      default: break;
    }
    if (socket_->expired()) {
      return end(make_error(ErrorCode::kTimeout, "the server sent nothing, not even the answer to a ping")
                     .advise("check the connection to the server"));
    }
    end_unavailable("the WebSocket broke: " + error.message(), "check the server's log");
  }

  const WebSocketRequest& request_;
  const Url& url_;
  const TlsContext tls_;
  const std::string server_name_;
  const std::function<bool(std::string_view)>& on_message_;
  UpgradeRefusal& refusal_;

  asio::io_context context_;
  asio::steady_timer connect_timer_;
  asio::steady_timer deadline_timer_;
  asio::steady_timer ping_timer_;
  std::shared_ptr<Socket> socket_;
  std::shared_ptr<WebSocketLink> link_;
  bool asked_ = false;
  bool ended_ = false;
  std::optional<Error> error_;
};

}  // namespace

Result<void> run_websocket(const WebSocketRequest& request, const TlsOptions& tls, std::stop_token stop,
                           const std::function<bool(std::string_view message)>& on_message,
                           UpgradeRefusal& refusal) {
  const Result<Url> url = check(request);
  if (!url) return fail(url.error());
  TlsContext context;
  if (url->tls) {
    Result<TlsContext> made = make_client_tls(tls);
    if (!made) return fail(made.error());
    context = std::move(*made);
  }
  const SystemClock clock;
  const MonotonicTime start = clock.monotonic();
  auto addresses = resolve(url->host, url->port, std::min(request.connect_timeout, request.deadline), stop);
  if (!addresses) return fail(std::move(addresses.error()).on(url->authority()));
  const auto used = std::chrono::ceil<std::chrono::milliseconds>(clock.monotonic() - start);
  const std::string& server_name = tls.server_name.empty() ? url->host : tls.server_name;
  Conversation conversation(request, *url, std::move(context), server_name, on_message, refusal);
  return conversation.run(std::move(*addresses), request.connect_timeout - used, request.deadline - used,
                          std::move(stop));
}

}  // namespace kintsugi::net
