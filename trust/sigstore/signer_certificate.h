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
#include "trust/sigstore/identity.h"
#include "trust/sigstore/log_entry.h"
#include "trust/sigstore/trusted_root.h"
#include "trust/sigstore/verification_material.h"

namespace kintsugi::trust {

/// Whom certificates are believed from.
struct Anchors {
  /// Instances of Sigstore. Where `own` is empty, one of them has to vouch for everything.
  std::span<const TrustedRoot> roots;
  /// Authorities of one's own, which know no logs: then the roots, if any, are asked for times only.
  std::span<const CertificateAuthority> own = {};
};

/// A certificate that was valid when its holder signed.
struct CertifiedSigner {
  PublicKey key;
  Identity identity;
  std::vector<WallTime> times;  ///< when it was signed, as each witness says; at least one
  std::vector<LogProof> logs;   ///< at least one, but for authorities of one's own
};

/// Verifies everything about a keyless signature but the signature itself and who may sign: that somebody
/// trusted says when it was made, that the certificate, its issuers and the log's key were valid at each of
/// those times, that the certificate is for signing code, was logged (one SCT), and the signature, too.
///
/// With an authority of one's own, neither log nor SCT is asked for; the certificates that come with the
/// signature may lead from the leaf to the authority; and where no witness is known, `now` is the time.
///
/// `logged` says what was signed, without certificate and key. Witnesses that no root knows are passed over;
/// any that is known has to be right. Errors: CertificateInvalid, TimeUnknown, LogEntryMissing, and those of
/// verify_timestamp(), verify_log_entry(), verify_chain(), verify_certificate_timestamp(), identity_of();
/// TrustedRootMissing for no anchor.
Result<CertifiedSigner> certify_signer(const VerificationMaterial& material, LoggedSignature logged,
                                       const Anchors& anchors, WallTime now);

}  // namespace kintsugi::trust
