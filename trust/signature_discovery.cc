// SPDX-License-Identifier: Apache-2.0
#include "trust/signature_discovery.h"

#include <algorithm>
#include <map>
#include <utility>

#include "trust/reasons.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxReferrers = 16;
constexpr std::string_view kBundleTypes = "application/vnd.dev.sigstore.bundle";

/// True for what says nothing about the object asked for, only about the registry at this moment.
bool is_registry_trouble(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout ||
         error.code == ErrorCode::kCancelled || error.code == ErrorCode::kUnauthorized;
}

/// Fetches payloads, each blob once: signatures by several keys are mostly over the same bytes.
class PayloadReader {
 public:
  PayloadReader(RegistryClient& registry, const ImageReference& image, const Call& call)
      : registry_(registry), image_(image), call_(call) {}

  /// An error only for trouble with the registry itself.
  Result<FoundSignature> read(std::size_t number, const Descriptor& descriptor) {
    FoundSignature found{number, read_signature_layer(descriptor), {}};
    if (!found.layer) return found;
    const auto [entry, is_new] = blobs_.try_emplace(descriptor.digest, std::string());
    if (is_new)
      entry->second = registry_.get_blob(image_, descriptor.digest, found.layer->payload_size, call_);
    const Result<std::string>& payload = entry->second;
    if (payload) {
      found.payload = *payload;
    } else if (is_registry_trouble(payload.error())) {
      return fail(payload.error());
    } else {
      found.layer = fail(payload.error());
    }
    return found;
  }

 private:
  RegistryClient& registry_;
  const ImageReference& image_;
  const Call& call_;
  std::map<Digest, Result<std::string>> blobs_;
};

Result<FoundSignatures> read_signatures(RegistryClient& registry, const ImageReference& image,
                                        const RawManifest& manifest, const Call& call) {
  const auto document = parse_image_document(manifest);
  if (!document) return fail(Error(document.error()).on(image.name()));
  const std::size_t count = std::min(document->layers.size(), kMaxSignatureLayers);
  FoundSignatures found;
  found.not_read = document->layers.size() - count;
  PayloadReader payloads(registry, image, call);
  for (std::size_t i = 0; i < count; ++i) {
    auto signature = payloads.read(i + 1, document->layers[i]);
    if (!signature) return fail(std::move(signature).error());
    found.signatures.push_back(std::move(*signature));
  }
  return found;
}

Result<bool> is_bundle(RegistryClient& registry, const ImageReference& image, const Digest& referrer,
                       const Digest& subject, const Call& call) {
  const auto manifest = registry.get_manifest(image, referrer, call);
  if (!manifest) {
    if (is_registry_trouble(manifest.error())) return fail(manifest.error());
    return false;
  }
  const auto document = parse_image_document(*manifest);
  return document && !document->layers.empty() &&
         document->layers.front().media_type.starts_with(kBundleTypes) && !document->subject.empty() &&
         document->subject.front().digest == subject;
}

Result<bool> find_bundle(RegistryClient& registry, const ImageReference& image, const Digest& digest,
                         const Call& call) {
  const auto index = registry.get_referrers(image, digest, call);
  if (!index) return index.error().code == ErrorCode::kNotFound ? Result<bool>(false) : fail(index.error());
  const auto document = parse_image_document(*index);
  if (!document) return fail(Error(document.error()).on(image.name()));
  const std::size_t count = std::min(document->manifests.size(), kMaxReferrers);
  for (std::size_t i = 0; i < count; ++i) {
    const auto found = is_bundle(registry, image, document->manifests[i].digest, digest, call);
    if (!found || *found) return found;
  }
  return false;
}

}  // namespace

Result<FoundSignatures> find_signatures(RegistryClient& registry, const ImageReference& image,
                                        const Digest& digest, const Call& call) {
  const auto manifest = registry.get_manifest(image, signature_tag(digest), call);
  if (manifest) return read_signatures(registry, image, *manifest, call);
  if (manifest.error().code != ErrorCode::kNotFound) return fail(manifest.error());
  const auto bundle = find_bundle(registry, image, digest, call);
  if (!bundle) return fail(bundle.error());
  FoundSignatures found;
  found.has_bundle = *bundle;
  return found;
}

}  // namespace kintsugi::trust
