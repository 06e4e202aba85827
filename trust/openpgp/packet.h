// SPDX-License-Identifier: Apache-2.0
//
// The outermost layer of OpenPGP (RFC 4880): armor, and the packets in it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kintsugi::trust::openpgp {

/// Of a file with keys or signatures, as it is read.
inline constexpr std::size_t kMaxFileBytes = 1u << 20;
inline constexpr std::size_t kMaxPackets = 4096;

enum class Tag : std::uint8_t {
  kSignature = 2,
  kPublicKey = 6,
  kMarker = 10,
  kTrust = 12,
  kUserId = 13,
  kPublicSubkey = 14,
  kUserAttribute = 17,
};

struct Packet {
  Tag tag;  ///< any of 0 to 63
  std::string body;
};

/// The bytes of a file: what is in its armor, which is all of the file but for white space, or else the file
/// itself. `label` is what the armor has to be called: "SIGNATURE", "PUBLIC KEY BLOCK". The checksum of the
/// armor may be absent, and has to be right. Errors: kInvalidInput; kTooLarge.
Result<std::string> unarmor(std::string_view file, std::string_view label);

/// The packets of these bytes, one after the other; at least one. Lengths are those of either format, and
/// neither partial nor indeterminate. Errors: kInvalidInput; kTooLarge.
Result<std::vector<Packet>> parse_packets(std::string_view bytes);

}  // namespace kintsugi::trust::openpgp
