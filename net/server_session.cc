// SPDX-License-Identifier: Apache-2.0
#include "net/server_session.h"

#include "net/server_responder.h"
#include "net/server_websocket.h"

namespace kintsugi::net {
namespace {

/// The write timeout is for a slice, so that a large answer to a slow but living client is not cut.
constexpr std::size_t kSliceBytes = 256u << 10;
/// A body nobody wants is read and dropped up to this size, to keep the connection; above it is closed.
constexpr std::uint64_t kMaxDroppedBytes = 64u << 10;
/// How much a client may send ahead while its stream is served.
constexpr std::size_t kMaxReadAheadBytes = 64u << 10;
constexpr std::chrono::milliseconds kFinishTime{1000};
/// For what a refused client still sends: bounded by time only, as a client that writes before it reads has
/// no answer until all of its body is gone.
constexpr std::chrono::milliseconds kLingerTime{5000};

}  // namespace

ServerSession::ServerSession(ServerRegistry& registry, std::shared_ptr<Socket> socket, ConnectedPeer peer)
    : registry_(registry),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      parser_(registry.options.limits) {}

void ServerSession::start() {
  if (registry_.draining()) return close();  // accepted while the server was being stopped
  socket_->set_deadline(registry_.options.limits.header_timeout);
  socket_->handshake([self = shared_from_this()](std::error_code error, std::size_t) {
    if (error || self->phase_ != Phase::kHandshake) return self->close();
    self->next_request();
  });
}

void ServerSession::drain() {
  const bool idle = phase_ == Phase::kHandshake || (phase_ == Phase::kHead && input_.empty());
  if (idle) close();
}

void ServerSession::close() {
  if (phase_ == Phase::kEnded) return;
  phase_ = Phase::kEnded;
  if (stream_ != nullptr) stream_->close();
  socket_->close();
  const auto self = shared_from_this();  // the registry may hold the last other one
  registry_.remove(*this);
}

void ServerSession::post(std::function<void(ServerSession&)> work) {
  socket_->post([self = shared_from_this(), work = std::move(work)] { work(*self); });
}

void ServerSession::next_request() {
  if (registry_.draining() && input_.empty()) return finish(false);
  phase_ = Phase::kHead;
  registry_.end_exchange(*this);
  parser_ = RequestParser(registry_.options.limits);
  socket_->set_deadline(registry_.options.limits.header_timeout);
  input_.empty() ? read_more() : advance();
}

void ServerSession::read_more() {
  if (reading_) return;
  reading_ = true;
  socket_->read(chunk_.data(), chunk_.size(),
                [self = shared_from_this()](std::error_code error, std::size_t bytes) {
                  self->reading_ = false;
                  self->on_input(error, bytes);
                });
}

void ServerSession::on_input(std::error_code error, std::size_t bytes) {
  if (error) return on_no_input();
  const bool first_of_request = phase_ == Phase::kHead && input_.empty();
  input_.append(chunk_.data(), bytes);
  switch (phase_) {
    case Phase::kHead:
      if (first_of_request) socket_->set_deadline(registry_.options.limits.header_timeout);
      return advance();
    case Phase::kBody:
    case Phase::kDroppingBody: return advance();
    case Phase::kStreaming:
      if (input_.size() < kMaxReadAheadBytes) read_more();
      return;
    default: return;
  }
}

void ServerSession::on_no_input() {
  const bool late =
      socket_->expired() && (phase_ == Phase::kBody || (phase_ == Phase::kHead && !input_.empty()));
  if (late) return refuse(408);
  if (phase_ != Phase::kAnswering && phase_ != Phase::kFinishing) close();
}

void ServerSession::advance() {
  while (true) {
    const RequestParser::State before = parser_.state();
    input_.erase(0, parser_.feed(input_));
    switch (parser_.state()) {
      case RequestParser::State::kFailed: return refuse(parser_.failure_status());
      case RequestParser::State::kHead: return read_more();
      case RequestParser::State::kBody:
        if (before == RequestParser::State::kHead) return on_head();
        return read_more();
      case RequestParser::State::kComplete:
        if (before == RequestParser::State::kHead) return on_head();
        return phase_ == Phase::kDroppingBody ? next_request() : dispatch();
    }
  }
}

void ServerSession::on_head() {
  request_ = parser_.head();
  request_.peer = peer_.name;
  request_.peer_uid = peer_.uid;
  keep_alive_ = parser_.keep_alive();
  const bool complete = parser_.state() == RequestParser::State::kComplete;
  const bool waits = parser_.expects_continue() && !complete && input_.empty();
  phase_ = Phase::kHandling;
  if (std::optional<HttpResponse> refusal = admit()) {
    if (waits) keep_alive_ = false;  // whether the body still comes is the client's choice
    return answer(std::move(*refusal));
  }
  if (!registry_.start_exchange(*this)) return close();
  if (complete) return dispatch();
  expect_body(waits);
}

std::optional<HttpResponse> ServerSession::admit() {
  if (!registry_.options.admit) return std::nullopt;
  try {
    return registry_.options.admit(request_);
  } catch (const std::exception& bug) {
    registry_.log.error("admission threw", {{"what", bug.what()}, {"path", request_.path}});
    return registry_.refusal(500);
  }
}

void ServerSession::expect_body(bool say_continue) {
  const auto wait = [this] {
    phase_ = Phase::kBody;
    socket_->set_deadline(registry_.options.limits.body_timeout);
    input_.empty() ? read_more() : advance();
  };
  if (!say_continue) return wait();
  write_out("HTTP/1.1 100 Continue\r\n\r\n", wait);
}

void ServerSession::dispatch() {
  phase_ = Phase::kHandling;
  socket_->clear_deadline();
  request_.body = parser_.take_body();
  auto responder = make_responder(registry_, shared_from_this(), parser_.http_1_0());
  const std::string path = request_.path;
  try {
    registry_.options.handle(request_, std::move(responder));
  } catch (const std::exception& bug) {
    registry_.log.error("handler threw", {{"what", bug.what()}, {"path", path}});
  }
}

ResponseContext ServerSession::response_context() {
  if (registry_.draining()) keep_alive_ = false;
  return {request_.method == "HEAD", keep_alive_, registry_.clock.now()};
}

void ServerSession::refuse(int status) {
  keep_alive_ = false;
  request_ = {};
  phase_ = Phase::kHandling;
  answer(registry_.refusal(status));
}

void ServerSession::answer(HttpResponse response) {
  if (phase_ != Phase::kHandling) return;
  phase_ = Phase::kAnswering;
  write_out(format_response(std::move(response), response_context()), [this] { after_answer(); });
}

void ServerSession::fail() {
  answer(registry_.refusal(500));
}

void ServerSession::after_answer() {
  const bool unread_body = parser_.state() != RequestParser::State::kComplete;
  if (!keep_alive_) return finish(unread_body);
  if (!unread_body) return next_request();
  if (parser_.missing_body_bytes() > kMaxDroppedBytes) return finish(true);
  phase_ = Phase::kDroppingBody;
  socket_->set_deadline(registry_.options.limits.body_timeout);
  advance();
}

void ServerSession::finish(bool linger) {
  phase_ = Phase::kFinishing;
  if (reading_) return close();
  socket_->set_deadline(linger ? kLingerTime : kFinishTime);
  socket_->finish(linger, [self = shared_from_this()](std::error_code, std::size_t) { self->close(); });
}

void ServerSession::start_stream(const HttpResponse& head, std::shared_ptr<StreamBuffer> stream) {
  if (phase_ != Phase::kHandling) return stream->close();
  if (parser_.http_1_0()) keep_alive_ = false;
  const BodyFraming framing = parser_.http_1_0() ? BodyFraming::kUntilClose : BodyFraming::kChunked;
  std::string text = format_response_head(head, framing, response_context());
  if (request_.method == "HEAD") {
    stream->close();
    phase_ = Phase::kAnswering;
    return write_out(std::move(text), [this] { after_answer(); });
  }
  phase_ = Phase::kStreaming;
  stream_ = std::move(stream);
  flushing_ = true;
  read_more();  // to notice a client that goes
  write_out(std::move(text), [this] {
    flushing_ = false;
    flush_stream();
  });
}

void ServerSession::flush_stream() {
  if (phase_ != Phase::kStreaming || flushing_) return;
  StreamBuffer::Batch batch = stream_->take();
  if (!batch.bytes.empty()) {
    flushing_ = true;
    return write_out(std::move(batch.bytes), [this] {
      flushing_ = false;
      flush_stream();
    });
  }
  if (batch.aborted) return close();
  if (!batch.finished) return;
  stream_.reset();
  phase_ = Phase::kAnswering;
  after_answer();
}

void ServerSession::accept_websocket(const std::string& subprotocol,
                                     std::function<void(WebSocketPeer&)> serve) {
  if (phase_ != Phase::kHandling) return;
  if (!parser_.is_websocket_upgrade() || !input_.empty()) return answer(registry_.refusal(400));
  phase_ = Phase::kAnswering;
  serve_websocket(registry_, shared_from_this(), socket_, request_, subprotocol, std::move(serve));
}

void ServerSession::write_out(std::string bytes, std::function<void()> then) {
  output_ = std::move(bytes);
  written_ = 0;
  then_ = std::move(then);
  write_slice();
}

void ServerSession::write_slice() {
  socket_->set_deadline(registry_.options.limits.write_timeout);
  const std::string_view slice = std::string_view(output_).substr(written_, kSliceBytes);
  socket_->write(slice, [self = shared_from_this()](std::error_code error, std::size_t bytes) {
    if (error || self->phase_ == Phase::kEnded) return self->close();
    self->written_ += bytes;
    if (self->written_ < self->output_.size()) return self->write_slice();
    self->socket_->clear_deadline();
    self->output_.clear();
    std::exchange(self->then_, nullptr)();
  });
}

}  // namespace kintsugi::net
