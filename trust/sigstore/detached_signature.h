// SPDX-License-Identifier: Apache-2.0
//
// A signature in a file of its own, beside the file that it is over: `cosign sign-blob --output-signature`,
// `openssl dgst -sign`.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "trust/crypto/public_key.h"
#include "trust/sigstore/blob_signature.h"

namespace kintsugi::trust {

/// Of the file; one of the largest key has 1,024 bytes, and a third more in base64.
inline constexpr std::size_t kMaxDetachedBytes = 4096;

/// What such a file has, which is bounded, and whose meaning follows from the key only.
struct DetachedSignature {
  std::string file;
};

/// The raw signature that a file has: the raw bytes themselves, or their base64 with at most one "\n" after
/// it. Which of the two it is follows from the key, to which only one of them can be a signature. Errors:
/// kTooLarge; kInvalidInput with SignatureInvalid for what is neither.
Result<std::string> parse_detached_signature(std::string_view file, const PublicKey& key);

/// Verifies what parse_detached_signature() reads from `file`. Errors, besides: those of verify_artifact().
Result<BlobSigner> verify_detached(std::string_view file, const Artifact& artifact, const PublicKey& key);

}  // namespace kintsugi::trust
