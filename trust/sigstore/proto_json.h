// SPDX-License-Identifier: Apache-2.0
//
// What protobuf's JSON form has that plain JSON has not: bytes as base64, 64-bit integers as strings, times.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/strict_reader.h"

namespace kintsugi::trust {

/// Reads a member of canonical base64 (standard alphabet) with at most `max_bytes` decoded, not empty. As the
/// getters of ObjectReader.
bool read_bytes(ObjectReader& reader, std::string_view key, std::string& out, Presence presence,
                std::size_t max_bytes);

/// Reads a member that is an integer of 0 to 2^63-1, as a string of plain decimal digits or as a number.
bool read_natural(ObjectReader& reader, std::string_view key, std::int64_t& out, Presence presence);

/// The same for seconds since 1970, as far as a WallTime reaches: until the year 2262.
bool read_seconds(ObjectReader& reader, std::string_view key, WallTime& out, Presence presence);

}  // namespace kintsugi::trust
