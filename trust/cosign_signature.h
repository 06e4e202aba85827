// SPDX-License-Identifier: Apache-2.0
//
// Cosign's first signature format ("simple signing", stored under the tag sha256-<hex>.sig), as pure
// functions over bytes. Specification: sigstore/cosign specs/SIGNATURE_SPEC.md. Where cosign passes over a
// field (critical.type) or a spelling, this does not.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "trust/digest.h"
#include "trust/image_index.h"
#include "trust/public_key.h"

namespace kintsugi::trust {

/// Signatures read from one manifest; further ones are not looked at.
inline constexpr std::size_t kMaxSignatureLayers = 64;
inline constexpr std::size_t kMaxPayloadBytes = 64u << 10;

/// "sha256-<hex>.sig"
std::string signature_tag(const Digest& image);

/// What a layer of the signature manifest says before its payload is fetched.
struct SignatureLayer {
  Digest payload;
  std::size_t payload_size = 0;
  std::string signature;  ///< decoded
};

/// Checks media type, payload size, and the signature's base64. Errors: UnsupportedLayout, TooLarge,
/// SignatureInvalid.
Result<SignatureLayer> read_signature_layer(const Descriptor& layer);

/// What a signer put their name to.
struct SignedPayload {
  Digest image;
  std::string docker_reference;  ///< as claimed by the signer; compared only where a policy asks for it
};

/// Strict: one JSON object with exactly `critical` and `optional`, each member of known name and type, the
/// type "cosign container image signature". Error: PayloadMalformed.
Result<SignedPayload> parse_signed_payload(std::string_view payload);

/// A good signature.
struct VerifiedSignature {
  std::size_t key = 0;  ///< index into the keys
  SignedPayload payload;
};

/// Verifies with the first of `keys` that fits, over the bytes as stored, and only then reads them. Errors:
/// SignatureInvalid or KeyMismatch when no key fits: the latter when the signature has the form of one by
/// such a key and the payload is just what cosign writes for `image`, so that a foreign key is more likely
/// than an altered payload (mathematics cannot tell them apart); PayloadMalformed or DigestNotSigned for what
/// one of the keys did sign.
Result<VerifiedSignature> verify_signature(const SignatureLayer& layer, std::string_view payload,
                                           std::span<const PublicKey> keys, const Digest& image);

}  // namespace kintsugi::trust
