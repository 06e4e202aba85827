// SPDX-License-Identifier: Apache-2.0
#include "net/server_websocket.h"

#include <condition_variable>
#include <deque>
#include <mutex>

#include "net/server_session.h"
#include "net/websocket_link.h"

namespace kintsugi::net {
namespace {

/// How many messages are read ahead of receive(). Reading must go on for pings to be answered.
constexpr std::size_t kReadAhead = 16;
constexpr std::chrono::milliseconds kCloseTime{1000};

/// Turns the link's callbacks on the strand into calls that block.
class BlockingPeer final : public WebSocketPeer, public std::enable_shared_from_this<BlockingPeer> {
 public:
  BlockingPeer(std::shared_ptr<WebSocketLink> link, std::shared_ptr<Socket> socket,
               std::chrono::milliseconds write_timeout)
      : link_(std::move(link)), socket_(std::move(socket)), write_timeout_(write_timeout) {}

  /// On the strand: reads the next message, and so on until enough wait.
  void read_ahead() {
    link_->read([self = shared_from_this()](std::error_code error, std::string message) {
      self->on_message(error, std::move(message));
    });
  }

  bool send(std::string_view message) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !writing_; });
    if (end_) return false;
    writing_ = true;
    socket_->post(
        [self = shared_from_this(), text = std::string(message)]() mutable { self->write(std::move(text)); });
    changed_.wait(lock, [&] { return !writing_; });
    return !end_;
  }

  Result<std::string> receive() override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !messages_.empty() || end_; });
    if (messages_.empty()) return fail(*end_);
    std::string message = std::move(messages_.front());
    messages_.pop_front();
    if (std::exchange(read_paused_, false)) {
      socket_->post([self = shared_from_this()] { self->read_ahead(); });
    }
    return message;
  }

  void close() override {
    socket_->post([self = shared_from_this()] {
      if (std::exchange(self->closing_, true)) return;
      self->socket_->set_deadline(kCloseTime);
      self->link_->close(
          [self](std::error_code) { self->finish(make_error(ErrorCode::kCancelled, "closed here")); });
    });
  }

  /// For the end of `serve`: closes in order, then waits until that is done.
  void close_and_wait() {
    {
      const std::lock_guard lock(mutex_);
      if (end_) return;
    }
    close();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return end_.has_value(); });
  }

 private:
  void on_message(std::error_code error, std::string message) {
    if (error) {
      const bool orderly = WebSocketLink::trouble_of(error) == WebSocketLink::Trouble::kClosed;
      return finish(orderly ? make_error(ErrorCode::kCancelled, "the client closed the WebSocket")
                            : make_error(ErrorCode::kUnavailable, "the WebSocket broke: " + error.message()));
    }
    bool room;
    {
      const std::lock_guard lock(mutex_);
      messages_.push_back(std::move(message));
      room = messages_.size() < kReadAhead;
      read_paused_ = !room;
      changed_.notify_all();
    }
    if (room) read_ahead();
  }

  void write(std::string text) {
    socket_->set_deadline(write_timeout_);
    link_->write(std::move(text), [self = shared_from_this()](std::error_code error) {
      self->socket_->clear_deadline();
      if (error) self->finish(make_error(ErrorCode::kUnavailable, "the WebSocket broke: " + error.message()));
      const std::lock_guard lock(self->mutex_);
      self->writing_ = false;
      self->changed_.notify_all();
    });
  }

  void finish(Error why) {
    const std::lock_guard lock(mutex_);
    if (!end_) end_ = std::move(why);
    changed_.notify_all();
  }

  const std::shared_ptr<WebSocketLink> link_;
  const std::shared_ptr<Socket> socket_;
  const std::chrono::milliseconds write_timeout_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> messages_;
  bool read_paused_ = false;
  bool writing_ = false;
  std::optional<Error> end_;
  bool closing_ = false;  ///< on the strand
};

void run_serve(const std::function<void(WebSocketPeer&)>& serve, BlockingPeer& peer, Logger& log) {
  try {
    serve(peer);
  } catch (const std::exception& bug) {
    log.error("WebSocket handler threw", {{"what", bug.what()}});
  }
  peer.close_and_wait();
}

}  // namespace

void serve_websocket(ServerRegistry& registry, std::shared_ptr<ServerSession> session,
                     std::shared_ptr<Socket> socket, const ServerRequest& request,
                     const std::string& subprotocol, std::function<void(WebSocketPeer&)> serve) {
  const ServerLimits& limits = registry.options.limits;
  auto link = std::make_shared<WebSocketLink>(socket, limits.max_body_bytes);
  auto peer = std::make_shared<BlockingPeer>(link, socket, limits.write_timeout);
  socket->set_deadline(limits.write_timeout);
  link->accept(request, subprotocol, [&registry, session, socket, peer, serve](std::error_code error) {
    socket->clear_deadline();
    if (error) return session->close();
    peer->read_ahead();
    const bool started = registry.start_websocket(*session, [&registry, session, peer, serve] {
      run_serve(serve, *peer, registry.log);
      session->post([](ServerSession& ended) { ended.close(); });
    });
    if (!started) session->close();
  });
}

}  // namespace kintsugi::net
