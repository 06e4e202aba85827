// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kintsugi::k8s {

/// JSON text of one value inside somebody else's buffer. At least kPadding bytes after it may be read (never
/// written), so that simdjson parses it in place: `parser.iterate(text.data(), text.size(), text.size() +
/// kPadding)`. Valid only during the call that hands it over. Balanced, but not otherwise checked: a reader
/// must expect errors.
struct RawJson {
  static constexpr std::size_t kPadding = 64;

  std::string_view text;

  std::size_t capacity() const { return text.size() + kPadding; }
};

/// A view of `buffer`, whose spare capacity is made large enough for the padding. Valid until `buffer`
/// changes.
inline RawJson padded(std::string& buffer) {
  if (buffer.capacity() < buffer.size() + RawJson::kPadding)
    buffer.reserve(buffer.size() + RawJson::kPadding);
  return {buffer};
}

}  // namespace kintsugi::k8s
