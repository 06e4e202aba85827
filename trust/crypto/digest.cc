// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/digest.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/escape.h"

namespace kintsugi::trust {
namespace {

constexpr std::string_view kAlgorithm = "sha256:";
constexpr std::size_t kHexDigits = 64;

bool is_lower_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  if (!text.starts_with(kAlgorithm)) {
    return fail(ErrorCode::kUnsupported, "not a sha256 digest: \"" + escape(text, 80) + "\"");
  }
  const std::string_view hex = text.substr(kAlgorithm.size());
  if (hex.size() != kHexDigits || !std::all_of(hex.begin(), hex.end(), is_lower_hex)) {
    return fail(ErrorCode::kInvalidInput,
                "not 64 lower-case hex digits after \"sha256:\": \"" + escape(text, 80) + "\"");
  }
  return Digest(std::string(text));
}

Digest Digest::of(std::string_view bytes) {
  return Digest(std::string(kAlgorithm) + sha256_hex(bytes));
}

std::string Digest::bytes() const {
  return hex_decode(hex()).value();
}

std::optional<Digest> digest_of_image_id(std::string_view image_id) {
  std::string_view rest = image_id;
  for (const std::string_view scheme : {"docker-pullable://", "docker://"}) {
    if (rest.starts_with(scheme)) {
      rest.remove_prefix(scheme.size());
      break;
    }
  }
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    if (at == 0) return std::nullopt;
    rest.remove_prefix(at + 1);
  }
  auto digest = Digest::parse(rest);
  if (!digest) return std::nullopt;
  return std::move(*digest);
}

}  // namespace kintsugi::trust
