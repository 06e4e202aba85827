// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/certified_signature.h"

#include <string>
#include <utility>

#include "trust/crypto/hash.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {

Result<CertifiedSigner> verify_signer(const ImageSignature& signature, const Anchors& anchors, WallTime now) {
  LoggedSignature logged;
  logged.signature = signature.signature;
  std::string digest;
  if (signature.envelope) {
    logged.content = LoggedSignature::Content::kEnvelope;
    logged.payload = signature.envelope->payload;
    logged.pre_authentication_encoding = signature.signed_bytes;
  } else {
    digest = sha256(signature.signed_bytes);
    logged.message_digest = digest;
  }
  auto signer = certify_signer(signature.material, logged, anchors, now);
  if (!signer || signer->key.verify(signature.signed_bytes, signature.signature)) return signer;
  return fail(
      make_error(ErrorCode::kRefused, "the signature is not over the stored payload by the certificate's key")
          .because(reason::kSignatureInvalid));
}

Result<CertifiedSignature> verify_certified(const ImageSignature& signature, const Anchors& anchors,
                                            const Digest& image, WallTime now) {
  auto signer = verify_signer(signature, anchors, now);
  if (!signer) return fail(std::move(signer).error());
  auto claims = claims_about(signature, image);
  if (!claims) return fail(std::move(claims).error());
  return CertifiedSignature{std::move(*signer), std::move(*claims)};
}

}  // namespace kintsugi::trust
