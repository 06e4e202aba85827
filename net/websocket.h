// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"

namespace kintsugi::net {

struct WebSocketRequest {
  std::string url;  ///< http:// or https://, absolute
  Headers headers;
  Secret bearer_token;
  std::string subprotocol;  ///< the server must choose exactly this one
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds deadline{60'000};  ///< for the whole conversation
  std::chrono::milliseconds ping_interval{5'000};
  std::chrono::milliseconds read_idle_timeout{61'000};
  std::size_t max_message_bytes = 1u << 20;
};

/// A refused upgrade: the HTTP answer that came instead of 101, first KiB of its body.
struct UpgradeRefusal {
  HttpResponse response;
};

/// Opens a WebSocket (RFC 6455 over HTTP/1.1), calls `on_message` with each binary or text message on the
/// calling thread until the server closes, `on_message` returns false, the deadline passes or `stop` is
/// requested. `refusal` receives the HTTP answer when the upgrade was refused (the error is then kRefused).
/// Success means the peer closed in the orderly way or `on_message` ended it.
Result<void> run_websocket(const WebSocketRequest& request, const TlsOptions& tls, std::stop_token stop,
                           const std::function<bool(std::string_view message)>& on_message,
                           UpgradeRefusal& refusal);

}  // namespace kintsugi::net
