// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "trust/crypto/digest.h"
#include "trust/oci/image_index.h"
#include "trust/oci/image_reference.h"
#include "trust/registry/registry_session.h"

namespace kintsugi::trust {

/// How many requests for parts of one image are made at the same time.
inline constexpr std::size_t kRequestsAtOnce = 8;

/// How much of a large blob is held in memory at a time.
inline constexpr std::size_t kBlobPartBytes = 4u << 20;

/// Reads from registries (OCI distribution specification 1.1) and believes nothing it can check: bytes are
/// hashed here and must have the digest they were asked by and, where given, the one in
/// Docker-Content-Digest; types and sizes must be what was announced. Thread-safe; each call blocks until its
/// deadline at most, see RegistrySession.
///
/// Where RegistryOptions::mirrors has mirrors for an image, they are asked first, in order and once each, the
/// origin last: not found and no answer lead on to the next, and so does a mirror's empty list of referrers;
/// everything else is the answer. An error is about the name by which the image was asked for.
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

  /// Hands a blob of any size to `take`, in parts of at most kBlobPartBytes, each of which is asked for and
  /// tried again by itself. Whether the bytes are the right ones is known at the end only: before a success
  /// nothing of them is to be used. A registry that has no ranges can only be read up to that size. An error
  /// of `take` ends it, and is returned.
  Result<void> download_blob(const ImageReference& image, const Descriptor& blob, const PieceSink& take,
                             const Call& call);

  /// What refers to `subject`, all of it: from the referrers API (list_referrers()) or, where there is none,
  /// from the fallback tag (distribution specification, "Referrers Tag Schema"). Both are asked at once until
  /// the API has been seen at that registry; then the tag is not. Empty: nothing refers to it.
  Result<std::vector<Descriptor>> get_referrers(const ImageReference& image, const Digest& subject,
                                                const Call& call);

 private:
  Result<RegistryAnswer> ask(const RegistrySource& source, const std::string& method, const std::string& tag,
                             const Call& call);
  Result<RawManifest> manifest_at(const RegistrySource& source, const std::string& reference,
                                  const Call& call);
  Result<Digest> tag_at(const RegistrySource& source, const Call& call);
  Result<std::string> blob_at(const RegistrySource& source, const Digest& digest, std::size_t size,
                              const Call& call);
  Result<std::string> part_at(const RegistrySource& source, const Descriptor& blob, const ByteRange& range,
                              const Call& call);
  Result<std::vector<Descriptor>> referrers_at(const RegistrySource& source, const Digest& subject,
                                               const Call& call);
  Result<std::vector<Descriptor>> referrers_of_tag(const RegistrySource& source, const Digest& subject,
                                                   const Call& call);
  bool has_referrers_api(const std::string& registry);
  void remember_referrers_api(const std::string& registry);

  RegistrySession session_;
  std::mutex mutex_;
  std::set<std::string> referrers_apis_;  ///< registries that have it
};

}  // namespace kintsugi::trust
