// SPDX-License-Identifier: Apache-2.0
//
// What machines are known by, each in one form, so that equal ones compare equal. All are ASCII.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kintsugi {

/// "6b1f0c2e-…" in lower case, with its dashes, for any case of it; nothing for other text.
std::optional<std::string> normal_uuid(std::string_view text);

/// "52:54:00:aa:bb:cc" for any case of it; nothing for other text.
std::optional<std::string> normal_mac(std::string_view text);
/// Whether a normal MAC address is none of a single network card: all zero, as loopback's, or of a group.
bool is_shared_mac(std::string_view normal);

/// "192.0.2.7" or "2001:db8::7"; an IPv4 address that is written as IPv6 (::ffff:192.0.2.7) becomes IPv4.
/// Nothing for other text: no names, ports, prefixes or zones.
std::optional<std::string> normal_address(std::string_view text);
/// Whether a normal address is none of a single machine: unspecified, loopback, multicast, broadcast.
bool is_shared_address(std::string_view normal);

}  // namespace kintsugi
