// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>
#include <vector>

#include "net/io_thread.h"
#include "net/listener.h"
#include "net/server_registry.h"
#include "net/server_session.h"
#include "net/socket.h"
#include "net/tls_context.h"

namespace kintsugi::net {
namespace {

namespace asio = boost::asio;

class AsioHttpServer final : public HttpServer {
 public:
  AsioHttpServer(ServerOptions options, TlsContext tls, Logger& log)
      : registry_(std::move(options), log), tls_(std::move(tls)), work_(context_.get_executor()) {}

  ~AsioHttpServer() override { stop(std::chrono::milliseconds(0)); }

  Result<void> start() {
    const ServerOptions& options = registry_.options;
    auto accepted = [this](int descriptor, const ConnectedPeer& peer) { on_accepted(descriptor, peer); };
    auto listener =
        options.unix_socket.empty()
            ? Listener::start(context_, options.address, options.port, registry_.log, std::move(accepted))
            : Listener::start_unix(context_, options.unix_socket, registry_.log, std::move(accepted));
    if (!listener) return fail(listener.error());
    listener_ = *listener;
    for (unsigned i = 0; i < std::max(options.threads, 1u); ++i) {
      threads_.push_back(start_io_thread("http-server", [this] { context_.run(); }));
    }
    return {};
  }

  std::uint16_t port() const override { return listener_->port(); }

  Result<void> reload_tls(const ServerTls& tls) override {
    if (!registry_.options.tls) return fail(ErrorCode::kUnsupported, "this server was started without TLS");
    Result<TlsContext> fresh = make_server_tls(tls);
    if (!fresh) return fail(fresh.error());
    const std::lock_guard lock(tls_mutex_);
    tls_ = *fresh;
    return {};
  }

  void stop(std::chrono::milliseconds grace) override {
    const std::lock_guard lock(stop_mutex_);
    if (std::exchange(stopped_, true)) return;
    if (listener_ != nullptr) listener_->close();
    registry_.start_draining();
    const MonotonicTime deadline = registry_.clock.monotonic() + grace;
    for (const auto& session : registry_.sessions()) session->post([](ServerSession& one) { one.drain(); });
    if (!registry_.wait_empty_until(deadline)) {
      for (const auto& session : registry_.sessions()) session->post([](ServerSession& one) { one.close(); });
    }
    if (!threads_.empty()) registry_.wait_empty();
    registry_.link()->cut();
    work_.reset();
    context_.stop();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void on_accepted(int descriptor, const ConnectedPeer& peer) {
    if (!registry_.admit(peer.address)) {
      close(descriptor);
      return;
    }
    TlsContext tls;
    {
      const std::lock_guard lock(tls_mutex_);
      tls = tls_;
    }
    auto session = std::make_shared<ServerSession>(
        registry_, adopt_server_socket(context_, descriptor, tls.get()), peer);
    registry_.add(session, peer.address);
    session->post([](ServerSession& one) { one.start(); });
  }

  ServerRegistry registry_;
  std::mutex tls_mutex_;
  TlsContext tls_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::shared_ptr<Listener> listener_;
  std::vector<std::thread> threads_;
  std::mutex stop_mutex_;
  bool stopped_ = false;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> start_http_server(ServerOptions options, Logger& log) {
  TlsContext tls;
  if (options.tls) {
    Result<TlsContext> made = make_server_tls(*options.tls);
    if (!made) return fail(made.error());
    tls = *made;
  }
  auto server = std::make_unique<AsioHttpServer>(std::move(options), std::move(tls), log);
  if (Result<void> started = server->start(); !started) return fail(started.error());
  return server;
}

}  // namespace kintsugi::net
