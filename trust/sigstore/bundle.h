// SPDX-License-Identifier: Apache-2.0
//
// The Sigstore bundle: one signature with everything that is needed to verify it offline. Format:
// sigstore/protobuf-specs sigstore_bundle.proto v0.1 to v0.3, as protobuf's JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trust/crypto/hash.h"
#include "trust/sigstore/dsse.h"
#include "trust/sigstore/verification_material.h"

namespace kintsugi::trust {

inline constexpr std::size_t kMaxBundleBytes = 32u << 20;
/// Of log entries, and of timestamps; more are an error.
inline constexpr std::size_t kMaxWitnesses = 32;

/// A signature over an artifact itself, as of `cosign sign-blob`.
struct MessageSignature {
  std::optional<HashAlgorithm> algorithm;  ///< of `digest`; nothing where the signer hashed nothing
  std::string digest;                      ///< of the artifact, raw, as the signer claims
  std::string signature;
};

/// A bundle, read, and nothing about it believed.
struct Bundle {
  VerificationMaterial material;  ///< with one certificate at most from v0.3 on
  /// Exactly one of these two.
  std::optional<MessageSignature> message;
  std::optional<Envelope> envelope;

  const std::string& signature() const { return envelope ? envelope->signature : message->signature; }
};

/// True for the media types of bundles v0.1 to v0.3, in both spellings.
bool is_bundle_type(std::string_view media_type);

/// Reads a bundle strictly, as protobuf's own readers do: no unknown or repeated members, no wrong types.
/// What its version demands is there: an inclusion promise for each log entry of v0.1, a proof of inclusion
/// with checkpoint from v0.2 on, and no chain from v0.3 on. Two log entries of the same log and index are
/// refused. Error: kInvalidInput or kTooLarge with BundleMalformed; kUnsupported with UnsupportedLayout for
/// another version.
Result<Bundle> parse_bundle(std::string_view json);

}  // namespace kintsugi::trust
