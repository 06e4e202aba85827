// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/signature_discovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <iterator>
#include <map>
#include <span>
#include <utility>

#include "base/concurrently.h"
#include "trust/crypto/reasons.h"
#include "trust/sigstore/cosign_annotations.h"
#include "trust/sigstore/statement.h"

namespace kintsugi::trust {
namespace {

constexpr std::int64_t kMaxSignatureBundleBytes = 1 << 20;
constexpr std::int64_t kMaxAttestationBytes = 16 << 20;
constexpr std::int64_t kMaxAttestationsBytes = 32 << 20;
constexpr std::string_view kPredicateAnnotation = "dev.sigstore.bundle.predicateType";

/// True for what says nothing about the object asked for, only about the registry at this moment.
bool is_registry_trouble(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout ||
         error.code == ErrorCode::kCancelled || error.code == ErrorCode::kUnauthorized;
}

/// One search; its parts run beside each other and write to places of their own.
class Search {
 public:
  Search(RegistryClient& registry, const ImageReference& image, const Digest& digest, Wanted wanted,
         const Call& call)
      : registry_(registry),
        image_(image),
        digest_(digest),
        with_attestations_(wanted == Wanted::kSignaturesAndAttestations),
        call_(call) {}

  FoundSignatures run() {
    std::array<FoundSignatures, 3> found;
    const std::array<std::function<void()>, 3> places = {[&] { found[0] = read_tag(); },
                                                         [&] { found[1] = read_referrers(); },
                                                         [&] { found[2] = read_attestation_tag(); }};
    run_concurrently(std::span(places).first(with_attestations_ ? 3 : 2), places.size());
    FoundSignatures all;
    for (FoundSignatures& one : found) {
      std::move(one.signatures.begin(), one.signatures.end(), std::back_inserter(all.signatures));
      std::move(one.attestations.begin(), one.attestations.end(), std::back_inserter(all.attestations));
      all.not_read += one.not_read;
      if (!all.trouble) all.trouble = std::move(one.trouble);
    }
    return all;
  }

 private:
  /// Where there is nothing, nothing is wrong.
  FoundSignatures nothing_for(const Error& error) const {
    FoundSignatures found;
    if (error.code != ErrorCode::kNotFound) found.trouble = error;
    return found;
  }

  /// The layers under a tag that are looked at; `found` has how many are not, or why there are none.
  std::vector<Descriptor> list_layers(const std::string& tag, FoundSignatures& found) const {
    const auto manifest = registry_.get_manifest(image_, tag, call_);
    const auto document = manifest ? parse_image_document(*manifest) : fail(manifest.error());
    if (!document) {
      found = nothing_for(manifest ? Error(document.error()).on(image_.name()) : manifest.error());
      return {};
    }
    const auto& layers = document->layers;
    const std::size_t count = std::min(layers.size(), kMaxSignatureLayers);
    found.not_read = layers.size() - count;
    return {layers.begin(), layers.begin() + std::ptrdiff_t(count)};
  }

  FoundSignatures read_tag() const {
    FoundSignatures found;
    std::vector<Result<SignatureLayer>> layers;
    for (const Descriptor& layer : list_layers(signature_tag(digest_), found))
      layers.push_back(read_signature_layer(layer));
    const auto payloads = fetch_payloads(layers);
    for (std::size_t i = 0; i < layers.size(); ++i)
      add(found, found.signatures, fmt::format("signature {}", i + 1), join(layers[i], payloads));
    return found;
  }

  using Payloads = std::map<Digest, Result<std::string>>;

  /// Each blob once: signatures by several keys are mostly over the same bytes.
  Payloads fetch_payloads(const std::vector<Result<SignatureLayer>>& layers) const {
    Payloads payloads;
    std::vector<std::function<void()>> tasks;
    for (const Result<SignatureLayer>& layer : layers) {
      if (!layer) continue;
      const auto [entry, is_new] = payloads.try_emplace(layer->payload, std::string());
      if (!is_new) continue;
      tasks.emplace_back([this, entry = entry, size = layer->payload_size] {
        entry->second = registry_.get_blob(image_, entry->first, size, call_);
      });
    }
    run_concurrently(tasks, kRequestsAtOnce);
    return payloads;
  }

  static Result<ImageSignature> join(const Result<SignatureLayer>& layer, const Payloads& payloads) {
    if (!layer) return fail(layer.error());
    const Result<std::string>& payload = payloads.at(layer->payload);
    if (!payload) return fail(payload.error());
    return signature_of_layer(*layer, *payload);
  }

  FoundSignatures read_attestation_tag() {
    FoundSignatures found;
    const auto layers = list_layers(attestation_tag(digest_), found);
    auto read = collect_concurrently(layers.size(), kRequestsAtOnce,
                                     [&](std::size_t i) { return read_attestation_layer(layers[i]); });
    for (std::size_t i = 0; i < read.size(); ++i)
      add(found, found.attestations, fmt::format("attestation {}", i + 1), std::move(read[i]));
    return found;
  }

  Result<ImageSignature> read_attestation_layer(const Descriptor& layer) {
    if (layer.media_type != kEnvelopeLayerType) {
      return fail(make_error(ErrorCode::kUnsupported, "a layer that is no DSSE envelope")
                      .because(reason::kUnsupportedLayout));
    }
    const auto bytes = fetch(layer, kMaxAttestationBytes);
    if (!bytes) return fail(bytes.error());
    auto envelope = parse_envelope(*bytes);
    if (!envelope) return fail(std::move(envelope).error());
    auto material = read_cosign_annotations(layer.annotations);
    if (!material) return fail(std::move(material).error());
    return signature_of_envelope(std::move(*envelope), std::move(*material));
  }

  FoundSignatures read_referrers() {
    const auto referrers = registry_.get_referrers(image_, digest_, call_);
    if (!referrers) return nothing_for(referrers.error());
    FoundSignatures found;
    const std::size_t count = std::min(referrers->size(), kMaxReferrers);
    found.not_read = referrers->size() - count;
    auto signatures = collect_concurrently(
        count, kRequestsAtOnce, [&](std::size_t i) { return read_referrer((*referrers)[i].digest); });
    std::size_t number = 0;
    for (auto& signature : signatures) {
      if (!signature) continue;
      const bool attests = with_attestations_ && *signature && is_attestation(**signature);
      add(found, attests ? found.attestations : found.signatures, fmt::format("bundle {}", ++number),
          std::move(*signature));
    }
    return found;
  }

  /// Nothing: what refers to the image is no signature of it.
  std::optional<Result<ImageSignature>> read_referrer(const Digest& referrer) {
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
    // The annotation is nobody's word, but whoever lies in it hides their own signature only.
    const std::string* predicate = find_annotation(document->annotations, kPredicateAnnotation);
    const bool attests = predicate != nullptr && *predicate != kSignaturePredicate;
    if (attests && !with_attestations_) return std::nullopt;
    return read_bundle(layer, attests ? kMaxAttestationBytes : kMaxSignatureBundleBytes);
  }

  Result<ImageSignature> read_bundle(const Descriptor& layer, std::int64_t most) {
    const auto bytes = fetch(layer, most);
    if (!bytes) return fail(bytes.error());
    auto bundle = parse_bundle(*bytes);
    if (!bundle) return fail(std::move(bundle).error());
    return signature_of_bundle(std::move(*bundle));
  }

  Result<std::string> fetch(const Descriptor& layer, std::int64_t most) {
    const bool fits_alone = layer.size <= most;
    if (!fits_alone || (fetched_ += layer.size) > kMaxAttestationsBytes) {
      return fail(make_error(ErrorCode::kTooLarge, fmt::format("{} bytes, at most {} are read", layer.size,
                                                               fits_alone ? kMaxAttestationsBytes : most))
                      .because(reason::kTooLarge));
    }
    return registry_.get_blob(image_, layer.digest, std::size_t(layer.size), call_);
  }

  static void add(FoundSignatures& found, std::vector<FoundSignature>& list, std::string place,
                  Result<ImageSignature> signature) {
    if (!signature && is_registry_trouble(signature.error())) found.trouble = signature.error();
    list.push_back({std::move(place), std::move(signature)});
  }

  RegistryClient& registry_;
  const ImageReference& image_;
  const Digest& digest_;
  const bool with_attestations_;
  const Call& call_;
  std::atomic<std::int64_t> fetched_ = 0;  ///< bytes of bundles and envelopes
};

}  // namespace

FoundSignatures find_signatures(RegistryClient& registry, const ImageReference& image, const Digest& digest,
                                Wanted wanted, const Call& call) {
  return Search(registry, image, digest, wanted, call).run();
}

}  // namespace kintsugi::trust
