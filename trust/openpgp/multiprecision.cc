// SPDX-License-Identifier: Apache-2.0
#include "trust/openpgp/multiprecision.h"

#include <bit>

namespace kintsugi::trust::openpgp {

std::optional<std::string> take_integer(ByteReader& reader) {
  const auto bits = reader.number(2);
  if (!bits || *bits > kMaxIntegerBytes * 8) return std::nullopt;
  const auto bytes = reader.take((*bits + 7) / 8);
  if (!bytes) return std::nullopt;
  if (*bits == 0) return std::string();
  const auto first = static_cast<std::uint8_t>(bytes->front());
  if (std::size_t(std::bit_width(first)) + 8 * (bytes->size() - 1) != *bits) return std::nullopt;
  return std::string(*bytes);
}

}  // namespace kintsugi::trust::openpgp
