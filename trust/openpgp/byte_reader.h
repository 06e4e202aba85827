// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace kintsugi::trust::openpgp {

/// Takes bytes from the front of others; nothing where there are not as many, and nothing of what would
/// follow.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  bool is_done() const { return bytes_.empty(); }
  std::optional<std::string_view> take(std::size_t count) {
    if (count > bytes_.size()) {
      bytes_ = {};
      return std::nullopt;
    }
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  /// A big-endian number of one to four bytes.
  std::optional<std::uint32_t> number(std::size_t count) {
    const auto taken = take(count);
    if (!taken) return std::nullopt;
    std::uint32_t number = 0;
    for (const char c : *taken) number = number << 8 | static_cast<std::uint8_t>(c);
    return number;
  }
  /// What a number of `count` bytes says the length of.
  std::optional<std::string_view> counted(std::size_t count) {
    const auto length = number(count);
    return length ? take(*length) : std::nullopt;
  }

 private:
  std::string_view bytes_;
};

}  // namespace kintsugi::trust::openpgp
