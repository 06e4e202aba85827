// SPDX-License-Identifier: Apache-2.0
//
// What OpenSSL's readers of ASN.1 let pass, and this project does not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace kintsugi::trust {

/// True for exactly one value in DER (X.690 §10, §11) with nothing after it: lengths are definite and
/// shortest, strings are not in pieces, BOOLEAN, INTEGER, BIT STRING and OBJECT IDENTIFIER have their one
/// form, the members of a SET are in order; at most 32 deep. What is inside an OCTET STRING is not looked at.
bool is_der(std::string_view bytes);

/// The text of a UTF8String in DER that is all of `der`; nothing for anything else.
std::optional<std::string> parse_utf8_string(std::string_view der);

enum class TimeForm : std::uint8_t { kUtcTime, kGeneralizedTime, kGeneralizedTimeWithFraction };

/// The content of a UTCTime or GeneralizedTime in the form of RFC 5280 §4.1.2.5: with seconds, in UTC; with a
/// fraction, in that of RFC 3161 §2.4.2. A year before 1970 or after 2261 gives the first or last WallTime:
/// "99991231235959Z" stands for no end. Nothing for another form or an impossible date.
std::optional<WallTime> parse_asn1_time(std::string_view text, TimeForm form);

}  // namespace kintsugi::trust
