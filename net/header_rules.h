// SPDX-License-Identifier: Apache-2.0
//
// What may stand in an HTTP/1.1 message head (RFC 9110 §5, RFC 9112 §3), checked before anything is written.
#pragma once

#include <string_view>

#include "base/result.h"
#include "net/http.h"

namespace kintsugi::net {

/// A method or a header name.
bool is_token(std::string_view text);
/// A header value or a reason phrase: no control characters but tab, so that no line can be added.
bool is_field_value(std::string_view text);
/// kInvalidInput names the first header that could not be sent as it is; its value is not repeated.
Result<void> check_headers(const Headers& headers);
/// ASCII letters only.
bool equals_ignoring_case(std::string_view left, std::string_view right);

}  // namespace kintsugi::net
