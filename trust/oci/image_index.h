// SPDX-License-Identifier: Apache-2.0
//
// Manifests and indexes of the OCI image specification 1.1 and Docker's equal ones (manifest v2 schema 2,
// manifest list), read strictly, and what they say about which digests are the same content.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "trust/crypto/digest.h"

namespace kintsugi::trust {

inline constexpr char kOciManifestType[] = "application/vnd.oci.image.manifest.v1+json";
inline constexpr char kOciIndexType[] = "application/vnd.oci.image.index.v1+json";
inline constexpr char kDockerManifestType[] = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr char kDockerListType[] = "application/vnd.docker.distribution.manifest.list.v2+json";

using AnnotationList = std::vector<std::pair<std::string, std::string>>;

/// The value of that name, or nullptr.
const std::string* find_annotation(const AnnotationList& annotations, std::string_view name);

/// A pointer to content.
struct Descriptor {
  std::string media_type;
  Digest digest;
  std::int64_t size = 0;  ///< bytes, never negative
  AnnotationList annotations;
  std::string os, architecture;  ///< of `platform`; empty where it has none

  /// BuildKit's attestation manifests, which stand in an index as platform unknown/unknown.
  bool is_attestation() const { return os == "unknown" && architecture == "unknown"; }
};

/// A manifest as fetched, its bytes checked against their digest.
struct RawManifest {
  std::string media_type;  ///< of the Content-Type, without parameters
  Digest digest;
  std::string bytes;
};

/// A manifest or an index, read.
struct ImageDocument {
  bool is_index = false;
  std::string artifact_type;          ///< may be empty
  std::vector<Descriptor> config;     ///< of a manifest: exactly one
  std::vector<Descriptor> layers;     ///< of a manifest
  std::vector<Descriptor> manifests;  ///< of an index
  std::vector<Descriptor> subject;    ///< at most one
  AnnotationList annotations;
};

/// True for the four types above.
bool is_manifest_type(std::string_view media_type);

/// Unknown members are passed over, as the specification demands; what is known must have its type. A
/// document that is both index and manifest, or not what its media type says, is refused (CVE-2021-41190).
/// Errors have the reason ManifestMalformed, MediaTypeMismatch or TooLarge (over 1,024 entries).
Result<ImageDocument> parse_image_document(const RawManifest& raw);

/// Fetches manifests of the same repository by digest, all at once; answers in the order of the questions.
using ManifestFetcher = std::function<std::vector<Result<RawManifest>>(const std::vector<Digest>&)>;

/// All digests by which runtimes name content under `root`: the root's, those of the platform manifests, at
/// most two indexes deep, and of their configs. Attestations are left out; a platform that the registry does
/// not have (a sparse mirror) counts with the digest in the index alone. A manifest of another size than its
/// index says is malformed. At most 64 manifests are fetched, more are an error.
Result<std::set<Digest>> equivalent_digests(const RawManifest& root, const ManifestFetcher& fetch);

}  // namespace kintsugi::trust
