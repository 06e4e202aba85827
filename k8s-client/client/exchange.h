// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "k8s-client/auth/credentials.h"
#include "k8s-client/client/call_options.h"
#include "k8s-client/client/rate_limiter.h"
#include "k8s-client/core/api_error.h"
#include "net/http.h"

namespace kintsugi::k8s {

/// One request as the API wants it sent: credentials, rate limit, retries (K12.10), a second try after a 401
/// with another token (K12.2), errors by status code before anything of the body is believed. Thread-safe but
/// for the setters, which come before the first request.
class Exchange {
 public:
  /// All references must outlive this object.
  Exchange(std::string user_agent, net::HttpTransport& transport, CredentialSource& credentials,
           RateLimiter& limiter, const Clock& clock);

  void set_observer(ExchangeObserver observer) { observer_ = std::move(observer); }
  void set_warning_sink(WarningSink sink) { warning_sink_ = std::move(sink); }
  void set_retry_observer(RetryObserver observer) { retry_observer_ = std::move(observer); }

  /// The answer, which has a status of 200 to 299. `object` is named in errors.
  ApiResult<net::HttpResponse> send(net::HttpRequest request, const std::string& object,
                                    const CallOptions& call);
  /// Watches have a pace of their own.
  enum class Retries { kCredentialsOnly, kAll };
  /// Hands the bytes of a body to `on_body`, those of an answer with a status of 200 to 299 only: what was
  /// retried has given none. `call.timeout` ends with the answer's headers.
  ApiResult<void> stream(net::HttpRequest request, const std::string& object, const CallOptions& call,
                         const net::BodySink& on_body, Retries retries);

  /// Waits for the rate limit.
  ApiResult<void> admit(const std::string& object, const CallOptions& call, MonotonicTime deadline);
  /// After a 401 to a request that was started at `started` with `token`: true when there is another token by
  /// now.
  bool renew_token(const Secret& token, MonotonicTime started);
  /// Slows down after a 429.
  void note_throttling(const ApiError& error);
  /// After `tries` tries, of which the last one ended with `error`: where another one may help, waits until
  /// it is time and returns true (K12.10).
  bool wait_to_retry(const ApiError& error, int tries, MonotonicTime deadline,
                     const std::stop_token& stop) const;

 private:
  using Attempt = std::function<Result<net::HttpResponse>(const net::HttpRequest&)>;
  struct Turn;

  ApiResult<net::HttpResponse> run(Turn turn, Retries retries);
  ApiResult<net::HttpResponse> run_once(Turn& turn);
  ApiError refusal(const Turn& turn, const net::HttpResponse& response);
  void report(const net::HttpRequest& request, const Result<net::HttpResponse>& response,
              std::chrono::nanoseconds took) const;

  const std::string user_agent_;
  net::HttpTransport& transport_;
  CredentialSource& credentials_;
  RateLimiter& limiter_;
  const Clock& clock_;
  ExchangeObserver observer_;
  WarningSink warning_sink_;
  RetryObserver retry_observer_;
};

}  // namespace kintsugi::k8s
