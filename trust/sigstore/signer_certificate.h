// SPDX-License-Identifier: Apache-2.0
//
// Whether the certificate that comes with a signature speaks for it: Sigstore client specification §4, in
// the order of docs/trust.md.
#pragma once

#include <span>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "trust/crypto/public_key.h"
#include "trust/sigstore/bundle.h"
#include "trust/sigstore/identity.h"
#include "trust/sigstore/log_entry.h"
#include "trust/sigstore/trusted_root.h"

namespace kintsugi::trust {

/// A certificate that was valid when its holder signed.
struct CertifiedSigner {
  PublicKey key;
  Identity identity;
  std::vector<WallTime> times;  ///< when it was signed, as each witness says; at least one
  std::vector<LogProof> logs;   ///< at least one
};

/// Verifies everything about a keyless signature but the signature itself and who may sign: that somebody
/// trusted says when it was made, that the certificate, its issuers and the log's key were valid at each of
/// those times, that the certificate is for signing code, was logged (one SCT), and the signature, too.
///
/// `logged` says what was signed, without certificate and key. One of `roots` has to vouch for all of it.
/// Witnesses that no root knows are passed over; any that is known has to be right. Errors:
/// CertificateInvalid, TimeUnknown, LogEntryMissing, and those of verify_timestamp(), verify_log_entry(),
/// verify_chain(), verify_certificate_timestamp(), identity_of(); TrustedRootMissing for no root.
Result<CertifiedSigner> certify_signer(const VerificationMaterial& material, LoggedSignature logged,
                                       std::span<const TrustedRoot> roots);

}  // namespace kintsugi::trust
