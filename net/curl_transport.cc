// SPDX-License-Identifier: Apache-2.0
#include "net/curl_transport.h"

#include <curl/curl.h>

#include "net/curl_loop.h"
#include "net/header_rules.h"

namespace kintsugi::net {
namespace {

Result<Url> check(const HttpRequest& request) {
  if (!is_token(request.method)) return fail(ErrorCode::kInvalidInput, "bad HTTP method");
  if (!is_field_value(request.bearer_token.reveal())) {
    return fail(ErrorCode::kInvalidInput, "the bearer token has characters that a header cannot carry");
  }
  if (Result<void> headers = check_headers(request.headers); !headers) return fail(headers.error());
  return parse_url(request.url);
}

/// An exchange under way on behalf of the calling thread. Nothing refers to the request when this is gone.
class Flight {
 public:
  Flight(CurlLoop& loop, const std::shared_ptr<CurlExchange>& exchange, std::stop_token stop)
      : loop_(loop), exchange_(exchange), on_stop_(std::move(stop), Cancel{loop, exchange}) {}
  ~Flight() {
    if (exchange_->ended()) return;
    loop_.cancel(exchange_);
    exchange_->wait_end();
  }
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;

 private:
  struct Cancel {
    CurlLoop& loop;
    std::shared_ptr<CurlExchange> exchange;
    void operator()() const { loop.cancel(exchange); }
  };
  CurlLoop& loop_;
  const std::shared_ptr<CurlExchange> exchange_;
  const std::stop_callback<Cancel> on_stop_;
};

class CurlTransport final : public HttpTransport {
 public:
  explicit CurlTransport(CurlOptions options) : loop_(std::move(options)) {}

  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override {
    auto exchange = begin(request, CurlExchange::Mode::kWhole, stop);
    if (!exchange) return fail(exchange.error());
    const Flight flight(loop_, *exchange, std::move(stop));
    (*exchange)->wait_end();
    return (*exchange)->take_result();
  }

  Result<HttpResponse> stream(const HttpRequest& request, std::stop_token stop, const ResponseSink& on_head,
                              const BodySink& on_body) override {
    auto started = begin(request, CurlExchange::Mode::kStream, stop);
    if (!started) return fail(started.error());
    const std::shared_ptr<CurlExchange>& exchange = *started;
    const Flight flight(loop_, exchange, stop);
    std::string bytes;
    while (true) {
      const CurlExchange::Event event = exchange->next(bytes);
      if (event == CurlExchange::Event::kEnd || stop.stop_requested()) break;
      const bool go_on = event == CurlExchange::Event::kHead ? on_head(exchange->head()) : on_body(bytes);
      if (!go_on) return exchange->head();
      if (exchange->take_resume()) loop_.resume(exchange);
    }
    exchange->wait_end();  // a stop is on its way to the I/O thread
    return exchange->take_result();
  }

 private:
  Result<std::shared_ptr<CurlExchange>> begin(const HttpRequest& request, CurlExchange::Mode mode,
                                              const std::stop_token& stop) {
    Result<Url> url = check(request);
    if (!url) return fail(url.error());
    if (stop.stop_requested()) {
      return fail(
          make_error(ErrorCode::kCancelled, "stopped before the request was sent").on(url->authority()));
    }
    auto exchange = std::make_shared<CurlExchange>(request, std::move(*url), mode, loop_.now());
    loop_.start(exchange);
    return exchange;
  }

  CurlLoop loop_;
};

}  // namespace

std::unique_ptr<HttpTransport> make_curl_transport(CurlOptions options) {
  // libcurl's own process-wide set-up; the C++ runtime sees to it that it happens once.
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)initialised;
  return std::make_unique<CurlTransport>(std::move(options));
}

}  // namespace kintsugi::net
