// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/signature_discovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <map>
#include <utility>

#include "base/concurrently.h"
#include "trust/crypto/reasons.h"
#include "trust/sigstore/statement.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kConnections = 8;
/// Of a signature's bundle. Those of attestations may be larger: they are not signatures.
constexpr std::int64_t kMaxSignatureBundleBytes = 1 << 20;
constexpr std::string_view kPredicateAnnotation = "dev.sigstore.bundle.predicateType";

/// True for what says nothing about the object asked for, only about the registry at this moment.
bool is_registry_trouble(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout ||
         error.code == ErrorCode::kCancelled || error.code == ErrorCode::kUnauthorized;
}

/// One search; its parts run beside each other and write to places of their own.
class Search {
 public:
  Search(RegistryClient& registry, const ImageReference& image, const Digest& digest, const Call& call)
      : registry_(registry), image_(image), digest_(digest), call_(call) {}

  FoundSignatures run() {
    FoundSignatures of_tag, of_referrers;
    const std::array<std::function<void()>, 2> places = {[&] { of_tag = read_tag(); },
                                                         [&] { of_referrers = read_referrers(); }};
    run_concurrently(places, places.size());
    std::move(of_referrers.signatures.begin(), of_referrers.signatures.end(),
              std::back_inserter(of_tag.signatures));
    of_tag.not_read += of_referrers.not_read;
    if (!of_tag.trouble) of_tag.trouble = std::move(of_referrers.trouble);
    return of_tag;
  }

 private:
  /// Where there is nothing, nothing is wrong.
  FoundSignatures nothing_for(const Error& error) const {
    FoundSignatures found;
    if (error.code != ErrorCode::kNotFound) found.trouble = error;
    return found;
  }

  FoundSignatures read_tag() const {
    const auto manifest = registry_.get_manifest(image_, signature_tag(digest_), call_);
    if (!manifest) return nothing_for(manifest.error());
    const auto document = parse_image_document(*manifest);
    if (!document) return nothing_for(Error(document.error()).on(image_.name()));
    FoundSignatures found;
    const std::size_t count = std::min(document->layers.size(), kMaxSignatureLayers);
    found.not_read = document->layers.size() - count;
    const auto payloads = fetch_payloads(document->layers, count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto payload = payloads.find(document->layers[i].digest);
      add(found, fmt::format("signature {}", i + 1),
          read_layer(document->layers[i], payload == payloads.end() ? nullptr : &payload->second));
    }
    return found;
  }

  /// Each blob once: signatures by several keys are mostly over the same bytes.
  std::map<Digest, Result<std::string>> fetch_payloads(const std::vector<Descriptor>& layers,
                                                       std::size_t count) const {
    std::map<Digest, Result<std::string>> payloads;
    std::vector<std::function<void()>> tasks;
    for (std::size_t i = 0; i < count; ++i) {
      const auto layer = read_signature_layer(layers[i]);
      if (!layer) continue;
      const auto [entry, is_new] = payloads.try_emplace(layer->payload, std::string());
      if (!is_new) continue;
      tasks.emplace_back([this, entry = entry, size = layer->payload_size] {
        entry->second = registry_.get_blob(image_, entry->first, size, call_);
      });
    }
    run_concurrently(tasks, kConnections);
    return payloads;
  }

  static Result<ImageSignature> read_layer(const Descriptor& descriptor, const Result<std::string>* payload) {
    const auto layer = read_signature_layer(descriptor);
    if (!layer) return fail(layer.error());
    if (!*payload) return fail(payload->error());
    return signature_of_layer(*layer, **payload);
  }

  FoundSignatures read_referrers() const {
    const auto referrers = registry_.get_referrers(image_, digest_, call_);
    if (!referrers) return nothing_for(referrers.error());
    FoundSignatures found;
    const std::size_t count = std::min(referrers->size(), kMaxReferrers);
    found.not_read = referrers->size() - count;
    std::vector<std::optional<Result<ImageSignature>>> signatures(count);
    std::vector<std::function<void()>> tasks;
    for (std::size_t i = 0; i < count; ++i) {
      tasks.emplace_back([&, i] { signatures[i] = read_referrer((*referrers)[i].digest); });
    }
    run_concurrently(tasks, kConnections);
    for (auto& signature : signatures) {
      if (signature) add(found, fmt::format("bundle {}", found.signatures.size() + 1), std::move(*signature));
    }
    return found;
  }

  /// Nothing: what refers to the image is no signature of it.
  std::optional<Result<ImageSignature>> read_referrer(const Digest& referrer) const {
    const auto manifest = registry_.get_manifest(image_, referrer, call_);
    if (!manifest) {
      if (manifest.error().code == ErrorCode::kNotFound) return std::nullopt;
      return fail(manifest.error());
    }
    const auto document = parse_image_document(*manifest);
    if (!document || document->layers.empty() || document->subject.empty() ||
        document->subject.front().digest != digest_) {
      return std::nullopt;
    }
    const Descriptor& layer = document->layers.front();
    if (!layer.media_type.starts_with("application/vnd.dev.sigstore.bundle")) return std::nullopt;
    const std::string* predicate = find_annotation(document->annotations, kPredicateAnnotation);
    if (predicate != nullptr && *predicate != kSignaturePredicate) return std::nullopt;
    return read_bundle(layer);
  }

  Result<ImageSignature> read_bundle(const Descriptor& layer) const {
    if (layer.size > kMaxSignatureBundleBytes) {
      return fail(make_error(ErrorCode::kTooLarge, fmt::format("a bundle of {} bytes, at most {} are read",
                                                               layer.size, kMaxSignatureBundleBytes))
                      .because(reason::kTooLarge));
    }
    const auto bytes = registry_.get_blob(image_, layer.digest, std::size_t(layer.size), call_);
    if (!bytes) return fail(bytes.error());
    auto bundle = parse_bundle(*bytes);
    if (!bundle) return fail(std::move(bundle).error());
    return signature_of_bundle(std::move(*bundle));
  }

  static void add(FoundSignatures& found, std::string place, Result<ImageSignature> signature) {
    if (!signature && is_registry_trouble(signature.error())) found.trouble = signature.error();
    found.signatures.push_back({std::move(place), std::move(signature)});
  }

  RegistryClient& registry_;
  const ImageReference& image_;
  const Digest& digest_;
  const Call& call_;
};

}  // namespace

FoundSignatures find_signatures(RegistryClient& registry, const ImageReference& image, const Digest& digest,
                                const Call& call) {
  return Search(registry, image, digest, call).run();
}

}  // namespace kintsugi::trust
