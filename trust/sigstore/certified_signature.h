// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "trust/crypto/digest.h"
#include "trust/sigstore/image_signature.h"
#include "trust/sigstore/signer_certificate.h"

namespace kintsugi::trust {

/// Verifies who signed, whatever they signed: certify_signer(), and the signature by the certificate's key
/// over the bytes as stored. Errors: those of certify_signer(), SignatureInvalid.
Result<CertifiedSigner> verify_signer(const ImageSignature& signature, const Anchors& anchors, WallTime now);

/// A good signature by whoever the certificate names.
struct CertifiedSignature {
  CertifiedSigner signer;
  ImageClaims claims;
};

/// Verifies a keyless signature over an image, all but who may sign: certify_signer(), then the signature by
/// the certificate's key over the bytes as stored, and only then reads them. Errors: those of
/// certify_signer() and claims_of(), SignatureInvalid, DigestNotSigned.
Result<CertifiedSignature> verify_certified(const ImageSignature& signature, const Anchors& anchors,
                                            const Digest& image, WallTime now);

}  // namespace kintsugi::trust
