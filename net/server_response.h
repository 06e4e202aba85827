// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "net/http.h"

namespace kintsugi::net {

/// How the end of a body is told (RFC 9112 §6).
enum class BodyFraming { kLength, kChunked, kUntilClose };

/// What a response must know of its request.
struct ResponseContext {
  bool head_request = false;
  bool keep_alive = true;
  WallTime now;
};

/// Status line and headers with the empty line. Content-Length, Transfer-Encoding, Connection and Date are
/// set here; a handler's own are left out, but for the Content-Length that stands for a body in an answer to
/// HEAD. A header that could not be sent as it is makes the head that of a 500 without a body.
std::string format_response_head(const HttpResponse& response, BodyFraming framing,
                                 const ResponseContext& context);

/// Head and, where there may be one, body.
std::string format_response(HttpResponse response, const ResponseContext& context);

/// A short plain-text answer.
HttpResponse plain_response(int status);

}  // namespace kintsugi::net
