// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "base/clock.h"
#include "base/result.h"
#include "net/http.h"
#include "trust/registry/call.h"

namespace kintsugi::trust {

/// 301, 302, 303, 307 or 308.
bool is_redirect(int status);

/// "stopped", and "no answer before the deadline".
Error cancelled();
Error timed_out();

/// What a status other than 200 means. A Retry-After in seconds becomes retry_after.
Error error_of_status(const net::HttpResponse& response);

/// One request and its answer within the deadline of a call; a failure has its reason of reasons.h.
/// Thread-safe.
class RegistryExchange {
 public:
  /// `transport` and `clock` must outlive this object.
  RegistryExchange(net::HttpTransport& transport, const Clock& clock,
                   std::chrono::milliseconds request_timeout)
      : transport_(transport), clock_(clock), request_timeout_(request_timeout) {}

  /// Any status. `request.timeout` is set here.
  Result<net::HttpResponse> send(net::HttpRequest request, const Call& call) const;

  const Clock& clock() const { return clock_; }

 private:
  net::HttpTransport& transport_;
  const Clock& clock_;
  const std::chrono::milliseconds request_timeout_;
};

}  // namespace kintsugi::trust
