// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "trust/crypto/certificate_chain.h"

namespace kintsugi::trust {

inline constexpr std::size_t kMaxTimestampBytes = 64u << 10;

/// Verifies a TimeStampResp (RFC 3161, DER) and returns the time it vouches for (genTime): its status is
/// "granted", its imprint is over `signed_bytes` by SHA-256, SHA-384 or SHA-512, and it is signed by a time
/// stamper of one of `authorities` whose chain and validity hold at that time. Where the authority lists its
/// leaf, only that one may sign. Errors: TimestampInvalid, TimestampUntrusted.
Result<WallTime> verify_timestamp(std::string_view response, std::string_view signed_bytes,
                                  std::span<const CertificateAuthority> authorities);

}  // namespace kintsugi::trust
