// SPDX-License-Identifier: Apache-2.0
#include "targets/isolation/ip_network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <vector>

namespace kintsugi::isolation {
namespace {

/// One to four decimal digits, at most `max`.
std::optional<unsigned> parse_decimal(std::string_view text, unsigned max) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + unsigned(c - '0');
  }
  if (value > max) return std::nullopt;
  return value;
}

bool parse_v4(std::string_view text, IpNetwork& out) {
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t end = i < 3 ? text.find('.') : text.size();
    if (end == std::string_view::npos) return false;
    const auto octet = parse_decimal(text.substr(0, end), 255);
    if (!octet) return false;
    out.address[i] = std::uint8_t(*octet);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

bool parse_address(std::string_view text, IpNetwork& out) {
  out.is_v6 = text.find(':') != std::string_view::npos;
  if (!out.is_v6) return parse_v4(text, out);
  return inet_pton(AF_INET6, std::string(text).c_str(), out.address.data()) == 1;
}

/// The bits of byte `index` that belong to the prefix.
std::uint8_t mask_of(unsigned prefix, unsigned index) {
  const unsigned start = index * 8;
  if (prefix <= start) return 0;
  const unsigned kept = std::min(prefix - start, 8u);
  return std::uint8_t(0xFFu << (8 - kept));
}

/// One half of a block that is longer than one address.
IpNetwork half_of(IpNetwork network, bool upper) {
  if (upper) {
    network.address[network.prefix / 8] |= std::uint8_t(0x80u >> (network.prefix % 8));
  }
  ++network.prefix;
  return network;
}

}  // namespace

bool IpNetwork::contains(const IpNetwork& other) const {
  if (is_v6 != other.is_v6 || prefix > other.prefix) return false;
  for (unsigned i = 0; i < bits() / 8; ++i) {
    if ((other.address[i] & mask_of(prefix, i)) != address[i]) return false;
  }
  return true;
}

std::string IpNetwork::to_string() const {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(is_v6 ? AF_INET6 : AF_INET, address.data(), text, sizeof text);
  return std::string(text) + "/" + std::to_string(prefix);
}

std::optional<IpNetwork> parse_ip_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || text.find('\0') != std::string_view::npos) return std::nullopt;
  IpNetwork network;
  if (!parse_address(text.substr(0, slash), network)) return std::nullopt;
  const auto prefix = parse_decimal(text.substr(slash + 1), network.bits());
  if (!prefix) return std::nullopt;
  network.prefix = *prefix;
  for (unsigned i = 0; i < network.address.size(); ++i) network.address[i] &= mask_of(network.prefix, i);
  return network;
}

bool is_covered(const IpNetwork& whole, std::span<const IpNetwork> parts) {
  std::vector<IpNetwork> inside;
  for (const IpNetwork& part : parts) {
    if (part.contains(whole)) return true;
    if (whole.contains(part)) inside.push_back(part);
  }
  // Each half gets only the parts that touch it, so that the depth is at most 128 and the work is bounded by
  // parts times depth. A block of one address has nothing inside that does not contain it.
  if (inside.empty()) return false;
  return is_covered(half_of(whole, false), inside) && is_covered(half_of(whole, true), inside);
}

}  // namespace kintsugi::isolation
