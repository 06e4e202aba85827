// SPDX-License-Identifier: Apache-2.0
//
// A bundle over an artifact that is a file: `cosign sign-blob`, `cosign attest-blob`.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "trust/crypto/public_key.h"
#include "trust/sigstore/artifact.h"
#include "trust/sigstore/bundle.h"
#include "trust/sigstore/signer_certificate.h"

namespace kintsugi::trust {

/// Who signed an artifact: a key, or whom a certificate names.
struct BlobSigner {
  std::string key_id;
  std::optional<CertifiedSigner> certified;
  std::string predicate_type;  ///< of the statement about the artifact; empty: the artifact itself is signed
};

/// The SHA-256 digest of the content that a bundle says it is over: what has to be verified before a large
/// file is fetched, and what the file has to have then. Not to be believed before that. Error: kRefused with
/// ContentNeeded where it names none, or several.
Result<Digest> claimed_digest(const Bundle& bundle);

/// Verifies a bundle by `key`. Where `roots` are given, what the bundle has of log entries has to hold, too,
/// and no timestamp may be wrong. Errors: DigestNotSigned, PayloadMalformed, and those of verify_artifact(),
/// verify_log_entry() and verify_timestamp().
Result<BlobSigner> verify_blob(const Bundle& bundle, const Artifact& artifact, const PublicKey& key,
                               std::span<const TrustedRoot> roots);

/// Verifies a keyless bundle, all but who may sign. Errors, besides: those of certify_signer().
Result<BlobSigner> verify_blob_certified(const Bundle& bundle, const Artifact& artifact,
                                         const Anchors& anchors, WallTime now);

}  // namespace kintsugi::trust
