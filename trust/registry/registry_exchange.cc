// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

using std::chrono::milliseconds;

/// Retry-After in seconds; its other form, a date, counts as absent.
std::optional<milliseconds> retry_after(const net::Headers& headers) {
  const std::string* text = headers.find("Retry-After");
  if (text == nullptr || text->empty() || text->find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  std::int64_t seconds = 0;
  const bool fits = std::from_chars(text->data(), text->data() + text->size(), seconds).ec == std::errc();
  constexpr std::int64_t kDay = 86'400;
  return std::chrono::seconds(fits ? std::min(seconds, kDay) : kDay);
}

/// Gives a failure of the transport its reason.
Error with_reason(Error error) {
  switch (error.code) {
    case ErrorCode::kTimeout: error.reason = reason::kRegistryTimeout; break;
    case ErrorCode::kCancelled: error.reason = reason::kCancelled; break;
    case ErrorCode::kTooLarge: error.reason = reason::kTooLarge; break;
    case ErrorCode::kUnavailable: error.reason = reason::kRegistryUnavailable; break;
    default: error.reason = reason::kRegistryProtocol; break;
  }
  return error;
}

}  // namespace

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Error cancelled() {
  return make_error(ErrorCode::kCancelled, "stopped").because(reason::kCancelled);
}

Error timed_out() {
  return make_error(ErrorCode::kTimeout, "no answer before the deadline").because(reason::kRegistryTimeout);
}

Error error_of_status(const net::HttpResponse& response) {
  const auto error = [&](ErrorCode code, const char* why, std::string_view what) {
    return make_error(code, fmt::format("the registry answered {} ({})", response.status, what)).because(why);
  };
  const int status = response.status;
  if (status == 404) return error(ErrorCode::kNotFound, reason::kManifestUnknown, "not found");
  if (status == 401 || status == 403) {
    return error(ErrorCode::kUnauthorized, reason::kRegistryUnauthorized, "credentials missing or refused");
  }
  if (is_redirect(status))
    return error(ErrorCode::kRefused, reason::kRedirectRefused, "a redirect that is not followed");
  Error overload = status == 429
                       ? error(ErrorCode::kUnavailable, reason::kRegistryRateLimited, "too many requests")
                       : error(ErrorCode::kUnavailable, reason::kRegistryUnavailable, "server trouble");
  overload.retry_after = retry_after(response.headers);
  if (status == 429 || status >= 500) return overload;
  return error(ErrorCode::kRefused, reason::kRegistryProtocol, "unexpected");
}

Result<net::HttpResponse> RegistryExchange::send(net::HttpRequest request, const Call& call) const {
  if (call.stop.stop_requested()) return fail(cancelled());
  const auto left = std::chrono::duration_cast<milliseconds>(call.deadline - clock_.monotonic());
  if (left <= milliseconds::zero()) return fail(timed_out());
  request.timeout = std::min(request_timeout_, left);
  auto response = transport_.send(request, call.stop);
  if (!response) return fail(with_reason(std::move(response).error()));
  if (response->body.size() > request.max_response_bytes) {
    return fail(
        make_error(ErrorCode::kTooLarge, fmt::format("an answer over {} bytes", request.max_response_bytes))
            .because(reason::kTooLarge));
  }
  return response;
}

}  // namespace kintsugi::trust
