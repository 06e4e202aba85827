// SPDX-License-Identifier: Apache-2.0
#include "controller/http_front.h"

#include "base/file.h"
#include "metrics/exposition.h"

namespace kintsugi::controller {
namespace {

constexpr std::size_t kMaxFileBytes = 1u << 20;
constexpr std::chrono::seconds kSignalsGrace{5};
constexpr std::chrono::seconds kMetricsGrace{1};

net::ServerOptions at(const ListenAddress& listen) {
  net::ServerOptions options;
  options.address = listen.address;
  options.port = listen.port;
  return options;
}

bool is_health_path(std::string_view path) {
  return path == "/healthz" || path == "/readyz";
}

/// What the server refuses before the endpoint sees it, in the form of the endpoint's own refusals.
net::HttpResponse refusal(int status) {
  switch (status) {
    case 400: return problem_response(400, "Malformed request", "this is no HTTP/1.1 request as in RFC 9112");
    case 408:
      return problem_response(408, "Request timeout", "the request did not arrive in time; send again");
    case 413:
      return problem_response(413, "Content Too Large", "a body has 1 MiB at most; send fewer at once");
    case 431: return problem_response(431, "Headers too large", "headers have 16 KiB and 128 lines at most");
    case 501: return problem_response(501, "Not implemented", "of the transfer codings only chunked is read");
    case 505: return problem_response(505, "Version not supported", "HTTP/1.1 is spoken here");
    default: return problem_response(status, "Not answered", "the request met a defect of the controller");
  }
}

}  // namespace

HttpFront::HttpFront(const Settings& settings, SignalEndpoint::Take take, const Clock& clock, Logger& log,
                     SignalEndpoint::Observer on_signal, Exposition exposition)
    : settings_(settings),
      take_(std::move(take)),
      clock_(clock),
      log_(log),
      on_signal_(std::move(on_signal)),
      exposition_(std::move(exposition)) {}

HttpFront::~HttpFront() {
  stop_signals();
  stop_metrics();
}

Result<void> HttpFront::start() {
  if (auto loaded = load_tokens(); !loaded) return loaded;
  if (auto started = start_signals(); !started) return started;
  return metrics_server_ == nullptr ? start_metrics() : Result<void>();
}

Result<void> HttpFront::load_tokens() {
  if (settings_.signals_token_file.empty()) return {};
  auto text = read_file(settings_.signals_token_file, kMaxFileBytes);
  if (!text) return tl::unexpected(std::move(text).error());
  auto tokens = SignalTokens::parse(*text);
  if (!tokens) return fail(std::move(tokens).error().on(settings_.signals_token_file));
  tokens_.replace(std::move(*tokens));
  return {};
}

Result<net::ServerTls> HttpFront::load_certificate() const {
  auto certificate = read_file(settings_.signals_tls_certificate, kMaxFileBytes);
  if (!certificate) return tl::unexpected(std::move(certificate).error());
  auto key = read_file(settings_.signals_tls_key, kMaxFileBytes);
  if (!key) return tl::unexpected(std::move(key).error());
  return net::ServerTls{std::move(*certificate), Secret(std::move(*key))};
}

Result<void> HttpFront::start_signals() {
  SignalEndpoint::Options limits;
  limits.require_token = !settings_.signals_token_file.empty();
  const SignalEndpoint::Decoders decoders{&falco_, &generic_, &alertmanager_};
  endpoint_ = std::make_unique<SignalEndpoint>(limits, take_, tokens_, decoders, clock_, on_signal_);
  net::ServerOptions options = at(settings_.signals_listen);
  options.admit = [this](const net::ServerRequest& request) { return endpoint_->admit(request); };
  options.handle = [this](net::ServerRequest request, std::unique_ptr<net::Responder> responder) {
    if (request.path.starts_with("/v1/signals/")) {
      return endpoint_->handle(std::move(request), std::move(responder));
    }
    const bool is_known = is_health_path(request.path);
    responder->respond(is_known ? answer_health(request)
                                : problem_response(404, "Not found", "signals go to /v1/signals/<source>"));
  };
  options.refusal = refusal;
  if (!settings_.signals_tls_certificate.empty()) {
    auto certificate = load_certificate();
    if (!certificate) return tl::unexpected(std::move(certificate).error());
    options.tls = std::move(*certificate);
  }
  auto server = net::start_http_server(std::move(options), log_);
  if (!server) return tl::unexpected(std::move(server).error());
  signals_server_ = std::move(*server);
  return {};
}

Result<void> HttpFront::start_metrics() {
  net::ServerOptions options = at(settings_.metrics_listen);
  options.handle = [this](const net::ServerRequest& request, std::unique_ptr<net::Responder> responder) {
    responder->respond(request.path == "/metrics" ? answer_metrics() : answer_health(request));
  };
  auto server = net::start_http_server(std::move(options), log_);
  if (!server) return tl::unexpected(std::move(server).error());
  metrics_server_ = std::move(*server);
  return {};
}

net::HttpResponse HttpFront::answer_health(const net::ServerRequest& request) const {
  const char* const type = "text/plain; charset=utf-8";
  if (!is_health_path(request.path)) return response_with(404, type, "not found\n");
  const bool good = request.path == "/healthz" || ready_;
  return response_with(good ? 200 : 503, type, good ? "ok\n" : not_ready_);
}

net::HttpResponse HttpFront::answer_metrics() const {
  return response_with(200, std::string(metrics::kExpositionContentType), exposition_());
}

void HttpFront::reload() {
  if (auto loaded = load_tokens(); !loaded) {
    log_.error("The tokens in force stay", {{"error", loaded.error().to_string()}});
  }
  if (settings_.signals_tls_certificate.empty()) return;
  auto certificate = load_certificate();
  auto reloaded =
      certificate ? signals_server_->reload_tls(*certificate) : Result<void>(fail(certificate.error()));
  if (!reloaded) log_.error("The certificate in force stays", {{"error", reloaded.error().to_string()}});
}

void HttpFront::stop_signals() {
  ready_ = false;
  if (signals_server_ != nullptr) signals_server_->stop(kSignalsGrace);
  endpoint_.reset();
}

void HttpFront::stop_metrics() {
  if (metrics_server_ != nullptr) metrics_server_->stop(kMetricsGrace);
}

}  // namespace kintsugi::controller
