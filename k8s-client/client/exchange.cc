// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/client/exchange.h"

#include <algorithm>
#include <utility>

#include "k8s-client/client/wait.h"
#include "k8s-client/client/warnings.h"

namespace kintsugi::k8s {
namespace {

constexpr int kMaxTries = 10;                       // K12.10
constexpr std::size_t kMaxErrorBytes = 256u << 10;  // of an error's body in a stream
constexpr std::chrono::milliseconds kLeastTimeout{1};

bool is_success(int status) {
  return status >= 200 && status <= 299;
}

/// K12.10. What may have been carried out is not sent again: a write's second answer (a failed test, a
/// conflict) would hide the first one's effect. A budget's refusal is the playbook's to know (K10.2).
bool is_worth_retrying(const ApiError& error) {
  if (!error.retry_after || error.outcome_unknown || error.is_disruption_budget()) return false;
  return error.http_status == 429 || error.http_status >= 500;
}

/// A gateway or etcd may have given up on a write that was carried out. Only a server that is too busy to
/// take the request says for sure that it was not.
bool may_have_been_done(const ApiError& error) {
  return error.http_status >= 500 && !(error.http_status == 503 && error.retry_after);
}

}  // namespace

/// A request on its way through its tries.
struct Exchange::Turn {
  net::HttpRequest request;
  const std::string& object;
  const CallOptions& call;
  Attempt attempt;
  net::Headers headers;  ///< without those of the credentials
  MonotonicTime deadline;
  MonotonicTime started;  ///< of the last try, after its token was read
};

Exchange::Exchange(std::string user_agent, net::HttpTransport& transport, CredentialSource& credentials,
                   RateLimiter& limiter, const Clock& clock)
    : user_agent_(std::move(user_agent)),
      transport_(transport),
      credentials_(credentials),
      limiter_(limiter),
      clock_(clock) {}

ApiResult<net::HttpResponse> Exchange::send(net::HttpRequest request, const std::string& object,
                                            const CallOptions& call) {
  const auto attempt = [&](const net::HttpRequest& ready) { return transport_.send(ready, call.stop); };
  return run({std::move(request), object, call, attempt, {}, {}, {}}, Retries::kAll);
}

ApiResult<void> Exchange::stream(net::HttpRequest request, const std::string& object, const CallOptions& call,
                                 const net::BodySink& on_body, Retries retries) {
  const auto attempt = [&](const net::HttpRequest& ready) {
    bool success = false;
    std::string error_body;
    const auto on_head = [&](const net::HttpResponse& head) {
      success = is_success(head.status);
      return true;
    };
    const auto on_bytes = [&](std::string_view bytes) {
      if (success) return on_body(bytes);
      error_body += bytes.substr(0, kMaxErrorBytes - error_body.size());
      return error_body.size() < kMaxErrorBytes;
    };
    auto response = transport_.stream(ready, call.stop, on_head, on_bytes);
    if (response && !success) response->body = std::move(error_body);
    return response;
  };
  auto response = run({std::move(request), object, call, attempt, {}, {}, {}}, retries);
  if (!response) return tl::unexpected(std::move(response).error());
  return {};
}

ApiResult<net::HttpResponse> Exchange::run(Turn turn, Retries retries) {
  turn.request.priority = turn.call.priority;
  turn.request.headers.set("User-Agent", user_agent_);
  turn.headers = turn.request.headers;
  turn.deadline = clock_.monotonic() + turn.call.timeout;
  bool renewed = false;
  for (int tries = 1;; ++tries) {
    auto response = run_once(turn);
    if (!response || is_success(response->status)) return response;
    ApiError error = refusal(turn, *response);
    if (response->status == 401 && !renewed && renew_token(turn.request.bearer_token, turn.started)) {
      renewed = true;
      continue;
    }
    if (retries == Retries::kCredentialsOnly || !wait_to_retry(error, tries, turn.deadline, turn.call.stop)) {
      return tl::unexpected(std::move(error));
    }
  }
}

ApiError Exchange::refusal(const Turn& turn, const net::HttpResponse& response) {
  ApiError error = decode_api_error(response, turn.object, turn.request.method);
  const bool is_write = turn.request.method != "GET" && !turn.call.dry_run;
  error.outcome_unknown = is_write && may_have_been_done(error);
  note_throttling(error);
  return error;
}

void Exchange::note_throttling(const ApiError& error) {
  if (error.http_status == 429 && !error.is_disruption_budget()) limiter_.throttled(error.retry_after);
}

bool Exchange::wait_to_retry(const ApiError& error, int tries, MonotonicTime deadline,
                             const std::stop_token& stop) const {
  if (tries >= kMaxTries || !is_worth_retrying(error)) return false;
  const MonotonicTime next = clock_.monotonic() + *error.retry_after;
  if (next >= deadline || !wait_until(clock_, next, stop)) return false;
  if (retry_observer_) retry_observer_(error);
  return true;
}

ApiResult<net::HttpResponse> Exchange::run_once(Turn& turn) {
  if (auto admitted = admit(turn.object, turn.call, turn.deadline); !admitted) {
    return tl::unexpected(std::move(admitted).error());
  }
  auto credentials = credentials_.credentials();
  if (!credentials) return tl::unexpected(transport_error(std::move(credentials).error(), turn.object));
  net::HttpRequest& request = turn.request;
  request.bearer_token = std::move(credentials->bearer_token);
  request.headers = turn.headers;
  for (const auto& [name, value] : credentials->headers.all()) request.headers.add(name, value);
  turn.started = clock_.monotonic();
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(turn.deadline - turn.started);
  request.timeout = std::max(left, kLeastTimeout);
  auto response = turn.attempt(request);
  report(request, response, clock_.monotonic() - turn.started);
  if (!response) return tl::unexpected(transport_error(std::move(response).error(), turn.object));
  return std::move(*response);
}

ApiResult<void> Exchange::admit(const std::string& object, const CallOptions& call, MonotonicTime deadline) {
  auto admitted = limiter_.acquire(call.priority, deadline, call.stop);
  if (!admitted) return tl::unexpected(transport_error(std::move(admitted).error(), object));
  return {};
}

bool Exchange::renew_token(const Secret& token, MonotonicTime started) {
  credentials_.unauthorized(started);
  const auto fresh = credentials_.credentials();
  return fresh && !fresh->bearer_token.equals(token.reveal());
}

void Exchange::report(const net::HttpRequest& request, const Result<net::HttpResponse>& response,
                      std::chrono::nanoseconds took) const {
  if (observer_) observer_(request.method, response ? response->status : 0, took);
  if (!warning_sink_ || !response) return;
  for (const std::string& warning : warnings_of(response->headers)) warning_sink_(warning);
}

}  // namespace kintsugi::k8s
