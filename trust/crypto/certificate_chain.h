// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "trust/crypto/certificate.h"
#include "trust/crypto/time_range.h"

namespace kintsugi::trust {

/// What a leaf is for: the one extended key usage (RFC 5280 §4.2.1.12) that it must have. That of a time
/// stamper must be critical and stand alone (RFC 3161 §2.3).
enum class LeafUsage : std::uint8_t { kCodeSigning, kTimeStamping };

/// Somebody whose certificates are believed, as in a trusted root.
struct CertificateAuthority {
  std::string uri;  ///< for people
  /// The leaf's issuer first, the anchor last: it is believed as it is, also where it is no root. A time
  /// stamping authority may have its leaf in front.
  std::vector<Certificate> chain;
  TimeRange valid_for;
};

/// The chain from `leaf` (first) to the authority's anchor (last), every one of which was valid at `time`, as
/// was the authority. Intermediates are those of the authority alone. Strict as RFC 5280 §6 demands
/// (X509_V_FLAG_X509_STRICT): CA certificates are marked so, path lengths hold, critical extensions are
/// known; and no signature with SHA-1 or MD5. Errors have the reason CertificateExpired for what would have
/// been good at another time, else CertificateUntrusted.
Result<std::vector<Certificate>> verify_chain(const Certificate& leaf, const CertificateAuthority& authority,
                                              WallTime time, LeafUsage usage);

}  // namespace kintsugi::trust
