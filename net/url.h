// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kintsugi::net {

/// The parts of an absolute http or https URL (RFC 3986), as much of it as a client needs.
struct Url {
  bool tls = false;
  std::string host;  ///< a name or an address, without the brackets of IPv6
  std::uint16_t port = 0;
  std::string target;  ///< path and query as written, at least "/"

  /// "host:port", with brackets around IPv6: for errors and as a key.
  std::string authority() const;
  /// The value of a Host header: without the port where it is the scheme's own.
  std::string host_header() const;
};

/// Strict: no user information, no fragment, no characters that would need encoding. kInvalidInput otherwise.
Result<Url> parse_url(std::string_view text);

}  // namespace kintsugi::net
