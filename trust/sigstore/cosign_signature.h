// SPDX-License-Identifier: Apache-2.0
//
// Cosign's first signature format ("simple signing", stored under the tag sha256-<hex>.sig), as pure
// functions over bytes. Specification: sigstore/cosign specs/SIGNATURE_SPEC.md. Where cosign passes over a
// field (critical.type) or a spelling, this does not.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "trust/crypto/digest.h"
#include "trust/oci/image_index.h"
#include "trust/sigstore/annotations.h"
#include "trust/sigstore/verification_material.h"

namespace kintsugi::trust {

/// Signatures read from one manifest; further ones are not looked at.
inline constexpr std::size_t kMaxSignatureLayers = 64;
inline constexpr std::size_t kMaxPayloadBytes = 64u << 10;

/// "sha256-<hex>.sig"
std::string signature_tag(const Digest& image);
/// "sha256-<hex>.att"
std::string attestation_tag(const Digest& image);
/// The media type of the layers under it: a DSSE envelope each, whose signature is in it.
inline constexpr char kEnvelopeLayerType[] = "application/vnd.dsse.envelope.v1+json";

/// What a layer of the signature manifest says before its payload is fetched.
struct SignatureLayer {
  Digest payload;
  std::size_t payload_size = 0;
  std::string signature;  ///< decoded
  VerificationMaterial material;
};

/// Checks media type, payload size, and the signature's base64, and reads what the annotations say of the
/// signer. Errors: UnsupportedLayout, TooLarge, SignatureInvalid, BundleMalformed.
Result<SignatureLayer> read_signature_layer(const Descriptor& layer);

/// What a signer put their name to.
struct SignedPayload {
  Digest image;
  std::string docker_reference;  ///< as claimed by the signer; compared only where a policy asks for it
  Annotations annotations;       ///< `optional`: those that are strings
};

/// Strict: one JSON object with exactly `critical` and `optional`, each member of known name and type, the
/// type "cosign container image signature". Error: PayloadMalformed.
Result<SignedPayload> parse_signed_payload(std::string_view payload);

/// Has `payload` the form in which cosign writes this content, byte by byte?
bool is_written_by_cosign(std::string_view payload, const SignedPayload& content);

}  // namespace kintsugi::trust
