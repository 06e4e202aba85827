// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "trust/cosign_signature.h"
#include "trust/digest.h"
#include "trust/registry_client.h"

namespace kintsugi::trust {

/// A signature in the registry, or why it cannot be judged.
struct FoundSignature {
  std::size_t number = 0;  ///< its place in the manifest, from 1
  Result<SignatureLayer> layer;
  std::string payload;  ///< where `layer` is good
};

/// What a registry holds for an image.
struct FoundSignatures {
  std::vector<FoundSignature> signatures;  ///< of the `.sig` tag
  std::size_t not_read = 0;                ///< layers beyond kMaxSignatureLayers
  bool has_bundle = false;  ///< a Sigstore bundle refers to the image; looked for where no tag is
};

/// Looks in each known place beside `image`, in at most three dependent round trips: the tag
/// `sha256-<hex>.sig` with the payloads; without it, the referrers, by what their manifests say and never by
/// their descriptors, which are often wrong. A payload that cannot be had spoils its own signature only.
/// Errors are the registry's (reasons.h): they say nothing about the image.
Result<FoundSignatures> find_signatures(RegistryClient& registry, const ImageReference& image,
                                        const Digest& digest, const Call& call);

}  // namespace kintsugi::trust
