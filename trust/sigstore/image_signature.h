// SPDX-License-Identifier: Apache-2.0
//
// A signature over an image, whichever layout it was stored in.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "trust/crypto/digest.h"
#include "trust/crypto/public_key.h"
#include "trust/sigstore/annotations.h"
#include "trust/sigstore/bundle.h"
#include "trust/sigstore/cosign_signature.h"

namespace kintsugi::trust {

/// A signature as stored, decoded. Nothing about it is believed.
struct ImageSignature {
  std::string signed_bytes;  ///< the payload of the `.sig` layout, or the encoding of the envelope
  std::string signature;
  std::optional<Envelope> envelope;  ///< of a bundle
  VerificationMaterial material;
};

/// Of a layer of the `.sig` layout and its payload.
ImageSignature signature_of_layer(const SignatureLayer& layer, std::string payload);

/// Of an envelope, from wherever, and what came with it.
ImageSignature signature_of_envelope(Envelope envelope, VerificationMaterial material);

/// Of a bundle that refers to an image. Error: UnsupportedLayout for one that signs bytes and no statement.
Result<ImageSignature> signature_of_bundle(Bundle bundle);

/// Whether it claims to be an attestation: a statement of another predicate type than cosign's signatures.
/// Not to be believed, but to know what to do with it.
bool is_attestation(const ImageSignature& signature);

/// What a signer says about an image.
struct ImageClaims {
  std::vector<Digest> images;    ///< what is signed: one, or all subjects of a statement
  std::string docker_reference;  ///< of the `.sig` layout only; compared only where a policy asks for it
  Annotations annotations;
};

/// Reads what was signed, strictly. To be believed once the signature has been verified. Errors:
/// PayloadMalformed, and PredicateMismatch for a statement that is none of cosign's signatures: whoever may
/// attest something about an image has not signed it.
Result<ImageClaims> claims_of(const ImageSignature& signature);

/// The same for claims that have to be about `image`. Error, besides: DigestNotSigned.
Result<ImageClaims> claims_about(const ImageSignature& signature, const Digest& image);

/// A good signature.
struct VerifiedSignature {
  std::size_t key = 0;  ///< index into the keys
  ImageClaims claims;
};

/// Verifies with the first of `keys` that fits, over the bytes as stored, and only then reads them. Errors:
/// SignatureInvalid or KeyMismatch when no key fits: the latter when the signature has the form of one by
/// such a key and what is signed is just what cosign writes for `image`, so that a foreign key is more likely
/// than altered bytes (mathematics cannot tell them apart); those of claims_of() and DigestNotSigned for what
/// one of the keys did sign.
Result<VerifiedSignature> verify_signature(const ImageSignature& signature, std::span<const PublicKey> keys,
                                           const Digest& image);

}  // namespace kintsugi::trust
