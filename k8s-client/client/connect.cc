// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/client/connect.h"

#include <list>
#include <mutex>
#include <utility>

#include "base/escape.h"
#include "k8s-client/auth/credentials.h"
#include "net/unix_socket.h"

namespace kintsugi::k8s {
namespace {

class ClusterConnection final : public Connection {
 public:
  ClusterConnection(ClusterConfig config, std::unique_ptr<CredentialSource> credentials,
                    const ConnectOptions& options, const Clock& clock, TransportFactory make_transport,
                    Client::WebSocketRunner run_websocket)
      : config_(std::move(config)),
        credentials_(std::move(credentials)),
        clock_(clock),
        unix_socket_(options.unix_socket),
        make_transport_(std::move(make_transport)),
        client_options_{config_.server, options.user_agent, config_.default_namespace,
                        std::move(run_websocket)},
        limiter_(options.rate, clock),
        client_(make_client(limiter_)) {}

  Client& client() override { return *client_; }
  CredentialSource& credentials() override { return *credentials_; }
  const RateLimiter& limiter() const override { return limiter_; }
  const ClusterConfig& config() const override { return config_; }

  std::unique_ptr<Client> make_client(RateLimiter& limiter) override {
    net::CurlOptions options;
    options.user_agent = client_options_.user_agent;
    options.proxy_url = config_.proxy_url;
    options.unix_socket = unix_socket_;
    std::lock_guard lock(mutex_);
    RenewingTransport& transport =
        transports_.emplace_back(std::move(options), make_transport_, *credentials_);
    return std::make_unique<Client>(client_options_, transport, *credentials_, limiter, clock_);
  }

 private:
  const ClusterConfig config_;
  const std::unique_ptr<CredentialSource> credentials_;
  const Clock& clock_;
  const std::string unix_socket_;
  const TransportFactory make_transport_;
  const Client::Options client_options_;
  RateLimiter limiter_;
  std::mutex mutex_;
  std::list<RenewingTransport> transports_;  ///< one for each client; guarded by mutex_
  const std::unique_ptr<Client> client_;
};

Result<ClusterConfig> config_of(const ConnectOptions& options) {
  if (options.unix_socket.empty()) return load_cluster_config(options.kubeconfig, options.environment);
  if (auto checked = net::check_unix_path(options.unix_socket); !checked)
    return fail(std::move(checked).error());
  ClusterConfig config;
  config.server = "http://localhost";  // what the server is told; the connection goes to the socket
  config.origin = "unix socket " + escape(options.unix_socket);
  return config;
}

}  // namespace

Result<std::unique_ptr<Connection>> connect(const ConnectOptions& options, const Clock& clock,
                                            TransportFactory make_transport,
                                            Client::WebSocketRunner run_websocket) {
  auto config = config_of(options);
  if (!config) return fail(std::move(config).error());
  auto credentials = make_credentials(*config, clock);
  if (!credentials) return fail(std::move(credentials).error());
  const bool is_direct = config->proxy_url.empty() && options.unix_socket.empty();
  if (!is_direct) run_websocket = nullptr;  // it knows only the straight way to the server
  return std::make_unique<ClusterConnection>(std::move(*config), std::move(*credentials), options, clock,
                                             std::move(make_transport), std::move(run_websocket));
}

}  // namespace kintsugi::k8s
