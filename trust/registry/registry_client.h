// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "trust/crypto/digest.h"
#include "trust/oci/image_index.h"
#include "trust/oci/image_reference.h"
#include "trust/registry/registry_session.h"

namespace kintsugi::trust {

/// Reads from registries (OCI distribution specification 1.1) and believes nothing it can check: bytes are
/// hashed here and must have the digest they were asked by and, where given, the one in
/// Docker-Content-Digest; types and sizes must be what was announced. Thread-safe; each call blocks until its
/// deadline at most, see RegistrySession.
///
/// Errors have a reason of reasons.h. kNotFound means that the registry said so; kUnavailable and kTimeout
/// that nothing is known. Of `image` only registry and repository are used, unless said otherwise.
class RegistryClient {
 public:
  /// `transport` and `clock` must outlive this object.
  RegistryClient(net::HttpTransport& transport, const Clock& clock, RegistryOptions options = {});

  /// The digest that the tag of `image` points to now: by HEAD, or by GET where that tells nothing.
  Result<Digest> resolve_tag(const ImageReference& image, const Call& call);

  /// A manifest or index of at most 4 MiB.
  Result<RawManifest> get_manifest(const ImageReference& image, const Digest& digest, const Call& call);
  Result<RawManifest> get_manifest(const ImageReference& image, const std::string& tag, const Call& call);

  /// A blob of exactly `size` bytes.
  Result<std::string> get_blob(const ImageReference& image, const Digest& digest, std::size_t size,
                               const Call& call);

  /// The index of what refers to `subject`: from the referrers API or, where there is none, from the fallback
  /// tag (distribution specification, "Referrers Tag Schema"). One page. kNotFound: nothing refers to it.
  Result<RawManifest> get_referrers(const ImageReference& image, const Digest& subject, const Call& call);

 private:
  Result<RawManifest> fetch_manifest(const ImageReference& image, const std::string& path, const Call& call);

  RegistrySession session_;
};

}  // namespace kintsugi::trust
