// SPDX-License-Identifier: Apache-2.0
//
// Text from signals, pods and registries is written by attackers. Whatever of it a person sees goes through
// here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kintsugi {

/// Makes untrusted text safe for one line of a terminal, a log or an event: C0, C1 and DEL controls, invalid
/// UTF-8, line and paragraph separators, bidirectional and zero-width controls become \n, \t, \xNN or \u{N};
/// a backslash is doubled, so that the result is unambiguous. Text over `max_bytes` is cut at a character
/// with "…".
std::string escape(std::string_view untrusted, std::size_t max_bytes = 512);

/// True when `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

/// Appends a Unicode scalar value.
void append_utf8(std::uint32_t point, std::string& out);

}  // namespace kintsugi
