// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/client/connect.h"

#include <list>
#include <mutex>
#include <utility>

#include "k8s-client/auth/credentials.h"

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
    std::lock_guard lock(mutex_);
    RenewingTransport& transport =
        transports_.emplace_back(std::move(options), make_transport_, *credentials_);
    return std::make_unique<Client>(client_options_, transport, *credentials_, limiter, clock_);
  }

 private:
  const ClusterConfig config_;
  const std::unique_ptr<CredentialSource> credentials_;
  const Clock& clock_;
  const TransportFactory make_transport_;
  const Client::Options client_options_;
  RateLimiter limiter_;
  std::mutex mutex_;
  std::list<RenewingTransport> transports_;  ///< one for each client; guarded by mutex_
  const std::unique_ptr<Client> client_;
};

}  // namespace

Result<std::unique_ptr<Connection>> connect(const ConnectOptions& options, const Clock& clock,
                                            TransportFactory make_transport,
                                            Client::WebSocketRunner run_websocket) {
  auto config = load_cluster_config(options.kubeconfig, options.environment);
  if (!config) return fail(std::move(config).error());
  auto credentials = make_credentials(*config, clock);
  if (!credentials) return fail(std::move(credentials).error());
  if (!config->proxy_url.empty()) run_websocket = nullptr;  // it goes straight to the server
  return std::make_unique<ClusterConnection>(std::move(*config), std::move(*credentials), options, clock,
                                             std::move(make_transport), std::move(run_websocket));
}

}  // namespace kintsugi::k8s
