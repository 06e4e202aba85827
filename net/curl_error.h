// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "net/curl_exchange.h"

namespace kintsugi::net {

/// What a CURLcode other than CURLE_OK means for the one who asked. `detail` is libcurl's error buffer,
/// `os_error` an errno or 0.
Error curl_error(int curl_code, const char* detail, int os_error, const CurlExchange& exchange);
Error timeout_error(const CurlExchange& exchange);
Error cancelled_error(const CurlExchange& exchange);

}  // namespace kintsugi::net
