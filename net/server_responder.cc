// SPDX-License-Identifier: Apache-2.0
#include "net/server_responder.h"

#include "net/server_session.h"
#include "net/stream_buffer.h"

namespace kintsugi::net {
namespace {

/// A way to a session that may be gone by the time it is used.
class SessionHandle {
 public:
  SessionHandle(std::shared_ptr<ServerRegistry::Link> link, std::weak_ptr<ServerSession> session)
      : link_(std::move(link)), session_(std::move(session)) {}

  /// Runs `work` on the session's strand, or never.
  void post(std::function<void(ServerSession&)> work) const {
    link_->run(session_, [&](ServerSession& session) { session.post(std::move(work)); });
  }

 private:
  std::shared_ptr<ServerRegistry::Link> link_;
  std::weak_ptr<ServerSession> session_;
};

class StreamWriter final : public BodyWriter {
 public:
  StreamWriter(SessionHandle session, std::shared_ptr<StreamBuffer> buffer)
      : session_(std::move(session)), buffer_(std::move(buffer)) {}

  ~StreamWriter() override {
    buffer_->finish();
    wake();
  }

  bool write(std::string bytes) override {
    switch (buffer_->push(bytes)) {
      case StreamBuffer::Pushed::kQueuedFirst: wake(); return true;
      case StreamBuffer::Pushed::kQueued: return true;
      case StreamBuffer::Pushed::kOverflow:
        // An orderly end would tell the client that it has seen everything.
        session_.post([](ServerSession& session) { session.close(); });
        return false;
      case StreamBuffer::Pushed::kRefused: return false;
    }
    return false;
  }

  void abort() override {
    buffer_->abort();
    wake();
  }

 private:
  void wake() {
    session_.post([](ServerSession& session) { session.flush_stream(); });
  }

  const SessionHandle session_;
  const std::shared_ptr<StreamBuffer> buffer_;
};

class SessionResponder final : public Responder {
 public:
  SessionResponder(SessionHandle session, std::size_t stream_limit, bool chunked)
      : session_(std::move(session)), stream_limit_(stream_limit), chunked_(chunked) {}

  ~SessionResponder() override {
    if (!used_) session_.post([](ServerSession& session) { session.fail(); });
  }

  void respond(HttpResponse response) override {
    if (std::exchange(used_, true)) return;
    session_.post([response = std::move(response)](ServerSession& session) { session.answer(response); });
  }

  std::shared_ptr<BodyWriter> start_stream(HttpResponse head) override {
    auto buffer = std::make_shared<StreamBuffer>(stream_limit_, chunked_);
    if (std::exchange(used_, true)) {
      buffer->close();
    } else {
      session_.post(
          [head = std::move(head), buffer](ServerSession& session) { session.start_stream(head, buffer); });
    }
    return std::make_shared<StreamWriter>(session_, buffer);
  }

  void accept_websocket(std::string subprotocol, std::function<void(WebSocketPeer&)> serve) override {
    if (std::exchange(used_, true)) return;
    session_.post([subprotocol = std::move(subprotocol), serve = std::move(serve)](ServerSession& session) {
      session.accept_websocket(subprotocol, serve);
    });
  }

 private:
  const SessionHandle session_;
  const std::size_t stream_limit_;
  const bool chunked_;
  bool used_ = false;
};

}  // namespace

std::unique_ptr<Responder> make_responder(ServerRegistry& registry,
                                          const std::shared_ptr<ServerSession>& session, bool http_1_0) {
  return std::make_unique<SessionResponder>(SessionHandle(registry.link(), session),
                                            registry.options.limits.max_stream_buffer_bytes, !http_1_0);
}

}  // namespace kintsugi::net
