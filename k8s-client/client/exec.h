// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <string>

#include "k8s-client/auth/credentials.h"
#include "k8s-client/client/client.h"
#include "k8s-client/client/exchange.h"

namespace kintsugi::k8s {

/// One command in a container, over a WebSocket (K11). References must outlive this object; used once.
struct ExecSession {
  Exchange& exchange;
  CredentialSource& credentials;
  const Clock& clock;
  const Client::WebSocketRunner& run_websocket;

  /// See Client::exec.
  ApiResult<ExecResult> run(std::string url, const std::string& user_agent, const std::string& object,
                            const ExecOptions& options, const std::stop_token& stop);

 private:
  Result<net::TlsOptions> prepare(net::WebSocketRequest& request, const std::string& user_agent);
};

}  // namespace kintsugi::k8s
