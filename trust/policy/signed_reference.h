// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trust/oci/image_reference.h"

namespace kintsugi::trust {

/// The name that a signer wrote into a signature ("docker-reference") has to be that of the image. Keeps a
/// good signature over one image from being shown for another one that it was copied beside.
struct SignedReferenceRule {
  /// Images that are kept under another name than they were signed by: mirrors.
  struct Remap {
    std::string prefix;         ///< "mirror.example.com/hub": whole elements of the image's name
    std::string signed_prefix;  ///< "docker.io": what stands there in signatures
  };
  std::vector<Remap> remap;  ///< the longest prefix that fits counts
};

/// The name by which a signature has to name the repository of `image`.
std::string signed_repository(const SignedReferenceRule& rule, const ImageReference& image);

/// Whether `signed_reference` names the repository of `image`; tags are not compared, which cosign does not
/// sign. Error: kRefused with ReferenceMismatch, also where nothing was signed: bundles hold no name.
Result<void> check_signed_reference(const SignedReferenceRule& rule, const ImageReference& image,
                                    std::string_view signed_reference);

}  // namespace kintsugi::trust
