// SPDX-License-Identifier: Apache-2.0
//
// A bundle over an artifact that is a file: `cosign sign-blob`, `cosign attest-blob`.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "trust/crypto/digest.h"
#include "trust/crypto/public_key.h"
#include "trust/sigstore/bundle.h"
#include "trust/sigstore/signer_certificate.h"

namespace kintsugi::trust {

/// What a signature has to be over: the bytes, or what is known of them. Without the bytes, signatures that
/// are made over another hash than SHA-256 (P-384, P-521), or over none (Ed25519), cannot be verified.
struct Artifact {
  Digest digest;
  std::optional<std::string> bytes;
};

/// Who signed an artifact: a key, or whom a certificate names.
struct BlobSigner {
  std::string key_id;
  std::optional<CertifiedSigner> certified;
  std::string predicate_type;  ///< of the statement about the artifact; empty: the artifact itself is signed
};

/// Verifies a bundle by `key`. Where `roots` are given, what the bundle has of log entries has to hold, too.
/// Errors: SignatureInvalid, KeyMismatch, DigestNotSigned, PayloadMalformed, and those of verify_log_entry().
Result<BlobSigner> verify_blob(const Bundle& bundle, const Artifact& artifact, const PublicKey& key,
                               std::span<const TrustedRoot> roots);

/// Verifies a keyless bundle, all but who may sign. Errors, besides: those of certify_signer().
Result<BlobSigner> verify_blob_certified(const Bundle& bundle, const Artifact& artifact,
                                         const Anchors& anchors, WallTime now);

}  // namespace kintsugi::trust
