// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/result.h"
#include "net/http.h"
#include "trust/crypto/digest.h"
#include "trust/oci/image_index.h"
#include "trust/registry/registry_session.h"

namespace kintsugi::trust {

inline constexpr std::size_t kMaxManifestBytes = 4u << 20;

/// Of the Content-Type, without parameters; empty where there is none.
std::string media_type_of(const net::Headers& headers);

/// The manifest in an answer. Refused (DigestMismatch, MediaTypeMismatch): bytes that contradict a
/// Docker-Content-Digest, a Content-Type that is no manifest's.
Result<RawManifest> manifest_of(const ImageReference& image, RegistryAnswer answer);

/// What an answer to HEAD says the manifest's digest is; nothing where it says nothing, contradicts itself or
/// is not about a manifest.
std::optional<Digest> announced_digest(const net::Headers& headers);

/// DigestMismatch where a Docker-Content-Digest is another than `digest`, that of the bytes.
Result<void> check_content_digest(const ImageReference& image, const net::Headers& headers,
                                  const Digest& digest);

}  // namespace kintsugi::trust
