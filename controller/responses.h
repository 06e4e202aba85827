// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "net/http.h"

namespace kintsugi::controller {

/// `type` is the Content-Type.
net::HttpResponse response_with(int status, const std::string& type, std::string body);

/// A refusal as problem details (RFC 9457).
net::HttpResponse problem_response(int status, std::string title, std::string detail);

}  // namespace kintsugi::controller
