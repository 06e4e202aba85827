// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kintsugi::isolation {

/// A block of IPv4 or IPv6 addresses in canonical form: the bits after the prefix are zero.
struct IpNetwork {
  std::array<std::uint8_t, 16> address{};  ///< network order; IPv4 uses the first four bytes
  unsigned prefix = 0;                     ///< 0 to bits()
  bool is_v6 = false;

  unsigned bits() const { return is_v6 ? 128 : 32; }
  /// True when every address of `other` is in this block; never across families.
  bool contains(const IpNetwork& other) const;
  /// "10.0.0.0/8", "2001:db8::/32".
  std::string to_string() const;
  bool operator==(const IpNetwork&) const = default;
};

/// Reads "address/prefix" as the API server does: host bits may be set and are cleared, IPv4 octets may have
/// leading zeros and are decimal all the same, no zones. Nothing for any other text.
std::optional<IpNetwork> parse_ip_network(std::string_view text);

/// True when every address of `whole` is in at least one of `parts`.
bool is_covered(const IpNetwork& whole, std::span<const IpNetwork> parts);

}  // namespace kintsugi::isolation
