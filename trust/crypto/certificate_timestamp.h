// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/result.h"
#include "trust/crypto/certificate.h"
#include "trust/crypto/log_key.h"

namespace kintsugi::trust {

/// Success when at least one of the signed certificate timestamps embedded in `leaf` (RFC 6962 §3.3,
/// extension 1.3.6.1.4.1.11129.2.4.2) is by one of `logs`, at a time for which that log's key is valid.
/// `issuer` is the certificate that `leaf` was issued by. Errors: SctMissing where there is none, SctInvalid
/// with what is wrong.
Result<void> verify_certificate_timestamp(const Certificate& leaf, const Certificate& issuer,
                                          std::span<const LogKey> logs);

}  // namespace kintsugi::trust
