// SPDX-License-Identifier: Apache-2.0
#include "sandbox/sandbox.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <thread>

#include "k8s-client/core/request.h"
#include "sandbox/controllers.h"
#include "sandbox/network_oracle.h"
#include "sandbox/registry_server.h"
#include "sandbox/streams.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

net::HttpResponse answer_reach(const ObjectStore& store, const std::string& query) {
  std::uint16_t port = 0;
  const std::string digits = query_value(query, "port");
  std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const std::string protocol = query_value(query, "protocol");
  const Reach reach = can_reach(store, query_value(query, "from"), query_value(query, "to"), port,
                                protocol.empty() ? "TCP" : protocol);
  net::HttpResponse response{200, {}, json{{"allowed", reach.allowed}, {"reason", reach.reason}}.dump()};
  response.headers.add("Content-Type", "application/json");
  return response;
}

class RunningSandbox final : public Sandbox {
 public:
  RunningSandbox(const SandboxOptions& options, const Clock& clock)
      : options_(options),
        clock_(clock),
        store_(clock, options.seed, options.history),
        controllers_(store_, clock, registry_, options.timings),
        watches_(std::make_unique<WatchServer>(store_, clock, options.bookmark_interval)) {}

  ~RunningSandbox() override { RunningSandbox::stop(); }

  Result<void> start(Logger& log) {
    for (const char* name : {"default", "kube-system", "kintsugi-system"})
      (void)store_.create(k8s::kNamespaces, "", json{{"metadata", {{"name", name}}}});
    for (const char* name : {"node-0", "node-1", "node-2"})
      (void)store_.create(k8s::kNodes, "", json{{"metadata", {{"name", name}}}});
    if (auto served = registry_server_.start(options_.registry_address, options_.registry_port, log); !served)
      return served;
    auto api_server = net::start_http_server(
        server_options(options_.address, options_.port,
                       [this](const net::ServerRequest& request, std::unique_ptr<net::Responder> responder) {
                         answer_api(request, std::move(responder));
                       }),
        log);
    if (!api_server) return fail(std::move(api_server).error());
    api_server_ = std::move(*api_server);
    controller_thread_ = std::jthread([this](const std::stop_token& stop) { run_controllers(stop); });
    return {};
  }

  std::string api_url() const override {
    return "http://" + options_.address + ":" + std::to_string(api_server_->port());
  }
  std::string registry_host() const override { return registry_server_.host(); }
  ObjectStore& store() override { return store_; }
  OciRegistry& registry() override { return registry_; }
  Containers& containers() override { return containers_; }

  void stop() override {
    controller_thread_.request_stop();
    store_.end_waits();
    std::unique_ptr<WatchServer> watches;
    {
      const std::lock_guard lock(mutex_);
      watches.swap(watches_);
    }
    watches.reset();
    if (api_server_) api_server_->stop(std::chrono::milliseconds(100));
    registry_server_.stop();
    if (controller_thread_.joinable()) controller_thread_.join();
  }

 private:
  static net::ServerOptions server_options(const std::string& address, std::uint16_t port,
                                           net::Handler handle) {
    net::ServerOptions options;
    options.address = address;
    options.port = port;
    options.limits.max_body_bytes = 4u << 20;
    options.limits.max_websockets = 64;
    options.handle = std::move(handle);
    return options;
  }

  void answer_api(const net::ServerRequest& request, std::unique_ptr<net::Responder> responder) {
    if (request.path == "/sandbox/reach") return responder->respond(answer_reach(store_, request.query));
    ApiAnswer answered = answer(store_, containers_, request);
    if (auto* response = std::get_if<net::HttpResponse>(&answered))
      return responder->respond(std::move(*response));
    if (auto* exec = std::get_if<ExecStart>(&answered)) {
      return responder->accept_websocket(
          std::string(k8s::kExecSubprotocol),
          [this, exec = std::move(*exec)](net::WebSocketPeer& peer) { serve_exec(containers_, exec, peer); });
    }
    net::HttpResponse head{200, {}, ""};
    head.headers.add("Content-Type", "application/json");
    const std::lock_guard lock(mutex_);
    if (watches_ != nullptr)
      watches_->start(std::get<WatchStart>(std::move(answered)), responder->start_stream(head));
  }

  void run_controllers(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const std::uint64_t settled = controllers_.settle();
      store_.wait_for_change(settled, controllers_.next_due());
    }
  }

  const SandboxOptions options_;
  const Clock& clock_;
  ObjectStore store_;
  OciRegistry registry_;
  Containers containers_;
  Controllers controllers_;
  std::mutex mutex_;
  std::unique_ptr<WatchServer> watches_;  ///< guarded by mutex_; null once stopped
  RegistryServer registry_server_{registry_};
  std::unique_ptr<net::HttpServer> api_server_;
  std::jthread controller_thread_;
};

}  // namespace

Result<std::unique_ptr<Sandbox>> start_sandbox(SandboxOptions options, const Clock& clock, Logger& log) {
  auto sandbox = std::make_unique<RunningSandbox>(options, clock);
  if (auto started = sandbox->start(log); !started) return fail(std::move(started).error());
  return sandbox;
}

}  // namespace kintsugi::sandbox
