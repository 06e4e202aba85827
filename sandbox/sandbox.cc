// SPDX-License-Identifier: Apache-2.0
#include "sandbox/sandbox.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "k8s-client/core/request.h"
#include "sandbox/containers.h"

namespace kintsugi::sandbox {

Sandbox::Sandbox(SandboxOptions options, const Clock& clock)
    : options_(std::move(options)),
      store_(clock, options_.seed, options_.history),
      controllers_(store_, clock, registry_),
      watches_(store_, clock) {}

Result<void> Sandbox::start(Logger& log) {
  for (const char* name : {"default", "kube-system", "kintsugi-system"})
    (void)store_.create(k8s::kNamespaces, "", {{"metadata", {{"name", name}}}});
  if (auto started = registry_.start(options_.registry_address, options_.registry_port, log); !started)
    return started;
  net::ServerOptions server;
  server.address = options_.address;
  server.port = options_.port;
  server.limits.max_body_bytes = 4u << 20;
  server.limits.max_websockets = 64;
  server.handle = [this](const net::ServerRequest& request, std::unique_ptr<net::Responder> responder) {
    answer_request(request, std::move(responder));
  };
  auto started = net::start_http_server(std::move(server), log);
  if (!started) return fail(std::move(started).error());
  server_ = std::move(*started);
  controller_thread_ = std::jthread([this](const std::stop_token& stop) { run_controllers(stop); });
  return {};
}

std::string Sandbox::api_url() const {
  return "http://" + options_.address + ":" + std::to_string(server_->port());
}

void Sandbox::stop() {
  controller_thread_.request_stop();
  store_.end_waits();
  watches_.stop();
  if (server_) server_->stop(std::chrono::milliseconds(100));
  registry_.stop();
  if (controller_thread_.joinable()) controller_thread_.join();
}

void Sandbox::answer_request(const net::ServerRequest& request, std::unique_ptr<net::Responder> responder) {
  ApiAnswer answered = answer(store_, request);
  if (auto* response = std::get_if<net::HttpResponse>(&answered))
    return responder->respond(std::move(*response));
  if (auto* watch = std::get_if<WatchStart>(&answered)) return watches_.start(std::move(*watch), *responder);
  responder->accept_websocket(
      std::string(k8s::kExecSubprotocol),
      [exec = std::get<ExecStart>(answered)](net::WebSocketPeer& peer) { serve_exec(exec.command, peer); });
}

void Sandbox::run_controllers(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const std::uint64_t settled = controllers_.settle();
    store_.wait_for_change(settled, controllers_.next_due());
  }
}

Result<std::unique_ptr<Sandbox>> start_sandbox(SandboxOptions options, const Clock& clock, Logger& log) {
  std::unique_ptr<Sandbox> sandbox(new Sandbox(std::move(options), clock));
  if (auto started = sandbox->start(log); !started) return fail(std::move(started).error());
  return sandbox;
}

}  // namespace kintsugi::sandbox
