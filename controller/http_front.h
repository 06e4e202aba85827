// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "controller/settings.h"
#include "controller/signal_endpoint.h"
#include "controller/signal_tokens.h"
#include "net/http_server.h"
#include "signals/alertmanager.h"
#include "signals/falco.h"
#include "signals/generic.h"

namespace kintsugi::controller {

/// What the process serves: signals and health on one address, metrics and health on another. The tokens and
/// the certificate are read from files, and again on demand. Thread-safe after start().
class HttpFront {
 public:
  /// The text of /metrics now.
  using Exposition = std::function<std::string()>;

  /// References must outlive the front.
  HttpFront(const Settings& settings, SignalEndpoint::Take take, const Clock& clock, Logger& log,
            SignalEndpoint::Observer on_signal, Exposition exposition);
  ~HttpFront();

  /// Opens both addresses. Until set_ready(), /readyz says 503.
  Result<void> start();
  /// Health and metrics alone, ahead of start(): a process that still waits for its cluster is alive.
  Result<void> start_metrics();
  void set_ready() { ready_ = true; }
  /// What /readyz says besides its 503, such as what is waited for. Before start().
  void say_not_ready(std::string why) { not_ready_ = "not ready: " + std::move(why) + "\n"; }
  std::uint16_t signals_port() const { return signals_server_->port(); }
  std::uint16_t metrics_port() const { return metrics_server_->port(); }

  /// Reads tokens and certificate again; what cannot be used is logged, and what was in force stays.
  void reload();

  /// Takes no more signals and answers those that were taken; not ready from here on.
  void stop_signals();
  /// Closes the metrics address, which is kept open longer so that the last changes can be scraped.
  void stop_metrics();

 private:
  Result<void> load_tokens();
  Result<net::ServerTls> load_certificate() const;
  Result<void> start_signals();
  net::HttpResponse answer_health(const net::ServerRequest& request) const;
  net::HttpResponse answer_metrics() const;

  const Settings& settings_;
  const SignalEndpoint::Take take_;
  const Clock& clock_;
  Logger& log_;
  const SignalEndpoint::Observer on_signal_;
  const Exposition exposition_;
  const signals::FalcoDecoder falco_;
  const signals::GenericDecoder generic_;
  const signals::AlertmanagerDecoder alertmanager_;
  SignalTokens tokens_;
  std::atomic<bool> ready_{false};
  std::string not_ready_ = "not ready\n";
  std::unique_ptr<SignalEndpoint> endpoint_;
  std::unique_ptr<net::HttpServer> signals_server_;
  std::unique_ptr<net::HttpServer> metrics_server_;
};

}  // namespace kintsugi::controller
