// SPDX-License-Identifier: Apache-2.0
#include "base/machine_name.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

namespace kintsugi {
namespace {

/// Hexadecimal digits in lower case, with `separator` at each place where `is_separator(place)` says so.
template <typename IsSeparator>
std::optional<std::string> lower_hex(std::string_view text, std::size_t length, char separator,
                                     IsSeparator is_separator) {
  if (text.size() != length) return std::nullopt;
  std::string normal(text);
  for (std::size_t i = 0; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(normal[i]);
    if (is_separator(i) ? byte != static_cast<unsigned char>(separator) : std::isxdigit(byte) == 0) {
      return std::nullopt;
    }
    normal[i] = char(std::tolower(byte));
  }
  return normal;
}

/// IPv4 as it is mapped into IPv6, so that there is one kind of address to look at.
std::optional<in6_addr> parse_address(std::string_view text) {
  // What inet_pton takes for the end of the text is none.
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string terminated(text);
  in6_addr address{};
  if (inet_pton(AF_INET6, terminated.c_str(), &address) == 1) return address;
  address.s6_addr[10] = address.s6_addr[11] = 0xFF;
  if (inet_pton(AF_INET, terminated.c_str(), &address.s6_addr[12]) == 1) return address;
  return std::nullopt;
}

bool is_shared_v4(const std::uint8_t* bytes) {
  const bool is_broadcast = std::all_of(bytes, bytes + 4, [](std::uint8_t byte) { return byte == 0xFF; });
  return bytes[0] == 0 || bytes[0] == 127 || (bytes[0] & 0xF0) == 0xE0 || is_broadcast;
}

}  // namespace

std::optional<std::string> normal_uuid(std::string_view text) {
  return lower_hex(text, 36, '-', [](std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; });
}

std::optional<std::string> normal_mac(std::string_view text) {
  return lower_hex(text, 17, ':', [](std::size_t i) { return i % 3 == 2; });
}

bool is_shared_mac(std::string_view normal) {
  // The lowest bit of the first byte marks a group; it is in the second digit.
  const bool is_group = normal.size() > 1 && std::string_view("13579bdf").find(normal[1]) != normal.npos;
  return is_group || normal == "00:00:00:00:00:00";
}

std::optional<std::string> normal_address(std::string_view text) {
  const auto address = parse_address(text);
  if (!address) return std::nullopt;
  const bool is_v4 = IN6_IS_ADDR_V4MAPPED(&*address);
  std::array<char, INET6_ADDRSTRLEN> shown{};
  const void* const bytes = is_v4 ? &address->s6_addr[12] : &address->s6_addr[0];
  if (inet_ntop(is_v4 ? AF_INET : AF_INET6, bytes, shown.data(), shown.size()) == nullptr)
    return std::nullopt;
  return shown.data();
}

bool is_shared_address(std::string_view normal) {
  const auto address = parse_address(normal);
  if (!address) return false;
  if (IN6_IS_ADDR_V4MAPPED(&*address)) return is_shared_v4(&address->s6_addr[12]);
  return IN6_IS_ADDR_UNSPECIFIED(&*address) || IN6_IS_ADDR_LOOPBACK(&*address) ||
         IN6_IS_ADDR_MULTICAST(&*address);
}

}  // namespace kintsugi
