// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "net/http.h"

namespace kintsugi::controller {

/// A refusal as problem details (RFC 9457).
net::HttpResponse problem_response(int status, std::string title, std::string detail);

}  // namespace kintsugi::controller
