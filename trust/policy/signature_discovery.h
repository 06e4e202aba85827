// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "trust/crypto/digest.h"
#include "trust/registry/registry_client.h"
#include "trust/sigstore/image_signature.h"

namespace kintsugi::trust {

/// A signature in the registry, or why it cannot be judged.
struct FoundSignature {
  std::string place;  ///< for people: "signature 2" of the `.sig` tag, "bundle 1" of the referrers
  Result<ImageSignature> signature;
};

/// What a registry holds for an image.
struct FoundSignatures {
  std::vector<FoundSignature> signatures;
  std::vector<FoundSignature> attestations;  ///< where they were asked for
  std::size_t not_read = 0;                  ///< layers and referrers beyond what is looked at
  /// A place could not be looked into: what is good among the others is good all the same, but what is not
  /// found may be there.
  std::optional<Error> trouble;
};

enum class Wanted : std::uint8_t { kSignatures, kSignaturesAndAttestations };

/// Referrers that are looked at; further ones are counted.
inline constexpr std::size_t kMaxReferrers = 64;

/// Looks in each known place beside `image`, all of them at once, in three dependent round trips: the tag
/// `sha256-<hex>.sig` with its payloads, and the bundles that refer to the image, by the referrers API or the
/// fallback tag. Referrers are known by what their manifests say and never by their descriptors, which are
/// often wrong. What cannot be had spoils its own signature only.
///
/// Attestations are looked for in the same way where they are wanted: the tag `sha256-<hex>.att`, and bundles
/// that claim to be some. Signatures are read up to 1 MiB each, attestations up to 16 MiB, and of those 64
/// MiB in all.
FoundSignatures find_signatures(RegistryClient& registry, const ImageReference& image, const Digest& digest,
                                Wanted wanted, const Call& call);

}  // namespace kintsugi::trust
