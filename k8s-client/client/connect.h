// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "k8s-client/auth/kubeconfig.h"
#include "k8s-client/client/client.h"
#include "k8s-client/client/renewing_transport.h"

namespace kintsugi::k8s {

struct ConnectOptions {
  KubeconfigOptions kubeconfig{};
  /// Path of a unix socket on which the server speaks HTTP and knows by the kernel who asks. `kubeconfig` and
  /// `environment` are not looked at then. Empty: none.
  std::string unix_socket{};
  Environment environment{};
  std::string user_agent{};  ///< make_user_agent()
  RateLimiter::Options rate{};
};

/// A cluster's configuration, credentials, transport and client put together. Thread-safe.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual Client& client() = 0;
  /// Another client over the same credentials, with connections and a limiter of its own: leader election
  /// must not be starved by the rest (K8.5). It must not outlive the connection, nor `limiter` it.
  virtual std::unique_ptr<Client> make_client(RateLimiter& limiter) = 0;
  virtual CredentialSource& credentials() = 0;
  /// For metrics.
  virtual const RateLimiter& limiter() const = 0;
  virtual const ClusterConfig& config() const = 0;
};

/// Reads the configuration (K12.6) and checks that credentials can be used; sends nothing. Exec is
/// kUnsupported where the configuration names a proxy, and over a unix socket. `clock` must outlive the
/// connection.
Result<std::unique_ptr<Connection>> connect(const ConnectOptions& options, const Clock& clock,
                                            TransportFactory make_transport = net::make_curl_transport,
                                            Client::WebSocketRunner run_websocket = net::run_websocket);

}  // namespace kintsugi::k8s
