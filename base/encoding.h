// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace kintsugi {

/// SHA-256 as 64 lower-case hex digits.
std::string sha256_hex(std::string_view bytes);

/// Two lower-case hex digits for each byte.
std::string hex_encode(std::string_view bytes);
/// Strict: lower-case digits, an even number of them.
Result<std::string> hex_decode(std::string_view text);

/// SHA-256 over pieces, for files that are not held in memory whole.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(std::string_view bytes);
  /// 64 lower-case hex digits; call once.
  std::string finish_hex();

 private:
  void* context_;
};

/// Standard alphabet with padding (RFC 4648 §4).
std::string base64_encode(std::string_view bytes);
/// Strict: canonical padding, no white space, zero trailing bits.
Result<std::string> base64_decode(std::string_view text);

/// Percent-encodes everything but RFC 3986 unreserved characters.
std::string url_encode(std::string_view text);

}  // namespace kintsugi
