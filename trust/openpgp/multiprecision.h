// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "trust/openpgp/byte_reader.h"

namespace kintsugi::trust::openpgp {

/// Of RSA of 8192 bits.
inline constexpr std::size_t kMaxIntegerBytes = 1024;

/// A multiprecision integer (RFC 4880 §3.2) as big-endian bytes, of exactly as many bits as it says; nothing
/// for what is none, or larger. Zero is empty.
std::optional<std::string> take_integer(ByteReader& reader);

}  // namespace kintsugi::trust::openpgp
