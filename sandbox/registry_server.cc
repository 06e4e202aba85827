// SPDX-License-Identifier: Apache-2.0
#include "sandbox/registry_server.h"

#include <chrono>
#include <utility>

namespace kintsugi::sandbox {

Result<void> RegistryServer::start(const std::string& address, std::uint16_t port, Logger& log) {
  net::ServerOptions options;
  options.address = address;
  options.port = port;
  options.handle = [this](const net::ServerRequest& request, std::unique_ptr<net::Responder> responder) {
    net::HttpResponse response = registry_.handle(request.method, request.path);
    if (response.status != 0) return responder->respond(std::move(response));
    const std::lock_guard lock(mutex_);
    hung_.push_back(std::move(responder));
  };
  auto server = net::start_http_server(std::move(options), log);
  if (!server) return fail(std::move(server).error());
  address_ = address;
  server_ = std::move(*server);
  registry_.set_host(host());
  return {};
}

std::string RegistryServer::host() const {
  return address_ + ":" + std::to_string(server_->port());
}

void RegistryServer::stop() {
  std::vector<std::unique_ptr<net::Responder>> hung;
  {
    const std::lock_guard lock(mutex_);
    hung.swap(hung_);
  }
  hung.clear();
  if (server_) server_->stop(std::chrono::milliseconds(100));
}

}  // namespace kintsugi::sandbox
