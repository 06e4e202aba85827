// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "base/concurrently.h"
#include "base/encoding.h"
#include "base/escape.h"
#include "trust/crypto/reasons.h"
#include "trust/policy/image_evaluation.h"
#include "trust/policy/policy_evaluation.h"
#include "trust/policy/signature_discovery.h"

namespace kintsugi::trust {
namespace {

bool compares_with_running(const Policies& policies) {
  return std::any_of(policies.begin(), policies.end(), [](const TrustPolicy* policy) {
    return policy->spec.freshness && policy->spec.freshness->not_older_than_running;
  });
}

std::string cache_key(const ImageReference& image, const Digest& digest, const Policies& policies,
                      const Predecessor* predecessor) {
  std::vector<std::string> hashes;
  for (const TrustPolicy* policy : policies) hashes.push_back(policy->hash);
  std::sort(hashes.begin(), hashes.end());
  std::string text;
  for (const std::string& hash : hashes) text += hash;
  // The repository is part of it because signatures lie beside the image: elsewhere there may be others.
  std::string key = fmt::format("{} {}", image.pinned_to(digest), sha256_hex(text));
  if (predecessor != nullptr && compares_with_running(policies))
    key += " after " + (predecessor->digest ? predecessor->digest->text() : "");
  return key;
}

/// What the first of the policies that pins the image's tag pins it to.
std::optional<Digest> pinned_digest(const Policies& policies, const ImageReference& image) {
  std::optional<Digest> digest;
  for (const TrustPolicy* policy : policies) {
    if (!digest && enforces(*policy)) digest = policy->spec.pinned_digest(image);
  }
  return digest;
}

Wanted wanted_by(const Policies& policies) {
  const bool attests = std::any_of(policies.begin(), policies.end(), [](const TrustPolicy* policy) {
    return !policy->spec.attestations.empty();
  });
  return attests ? Wanted::kSignaturesAndAttestations : Wanted::kSignatures;
}

Result<std::set<Digest>> find_equivalents(RegistryClient& registry, const ImageReference& image,
                                          const Digest& digest, const Call& call) {
  const auto root = registry.get_manifest(image, digest, call);
  if (!root) return fail(root.error());
  return equivalent_digests(*root, [&](const std::vector<Digest>& digests) {
    return collect_concurrently(digests.size(), kRequestsAtOnce, [&](std::size_t i) {
      return registry.get_manifest(image, digests[i], call);
    });
  });
}

/// What an image says of its making, by its first platform.
Result<ImageOrigin> fetch_origin(RegistryClient& registry, const ImageReference& image, Digest digest,
                                 const Call& call) {
  constexpr int kMaxDepth = 3;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    const auto raw = registry.get_manifest(image, digest, call);
    if (!raw) return fail(raw.error());
    const auto document = parse_image_document(*raw);
    if (!document) return fail(document.error());
    if (!document->is_index) {
      const Descriptor& config = document->config.front();
      if (config.size > std::int64_t(kMaxImageConfigBytes)) break;
      const auto bytes = registry.get_blob(image, config.digest, std::size_t(config.size), call);
      return bytes ? parse_image_config(*bytes) : fail(bytes.error());
    }
    const auto platform = std::find_if(
        document->manifests.begin(), document->manifests.end(),
        [](const Descriptor& one) { return !one.is_attestation() && is_manifest_type(one.media_type); });
    if (platform == document->manifests.end()) break;
    digest = platform->digest;
  }
  return fail(make_error(ErrorCode::kInvalidInput, "no image configuration of a bounded size is in reach")
                  .because(reason::kManifestMalformed));
}

Result<ImageOrigin> fetch_running(RegistryClient& registry, const ImageReference& image,
                                  const Predecessor& predecessor, const Call& call) {
  if (predecessor.digest) return fetch_origin(registry, image, *predecessor.digest, call);
  return fail(ErrorCode::kNotFound, "its digest is not known");
}

}  // namespace

Verifier::Verifier(RegistryClient& registry, VerdictCache& cache, const Clock& clock)
    : registry_(registry), cache_(cache), clock_(clock) {}

Verdict Verifier::verify(std::string_view image, std::span<const TrustPolicy> policies, const Call& call,
                         const Predecessor* predecessor) {
  const auto reference = ImageReference::parse(image);
  if (reference) return verify(*reference, policies, call, predecessor);
  return refuse_name(image, reference.error());
}

Verdict Verifier::verify(const ImageReference& image, std::span<const TrustPolicy> policies, const Call& call,
                         const Predecessor* predecessor) {
  Verdict verdict;
  Policies selecting;
  if (!prepare(image, policies, call, verdict, selecting)) return verdict;
  const std::string key = cache_key(image, *verdict.digest, selecting, predecessor);
  if (auto known = cache_.find(key)) {
    known->image = verdict.image;
    return *std::move(known);
  }
  if (auto refusal = refuse_revoked(verdict, selecting, *verdict.digest)) {
    verdict = *std::move(refusal);
  } else {
    const ImageContents contents = fetch(image, *verdict.digest, selecting, call, predecessor);
    verdict = judge(std::move(verdict), image, selecting, contents);
  }
  cache_.put(key, verdict);
  return verdict;
}

Explanation Verifier::explain(std::string_view image, std::span<const TrustPolicy> policies,
                              const Call& call) {
  const auto reference = ImageReference::parse(image);
  if (!reference) return {refuse_name(image, reference.error()), {}};
  Explanation explanation;
  Policies selecting;
  if (!prepare(*reference, policies, call, explanation.verdict, selecting)) return explanation;
  const Digest digest = *explanation.verdict.digest;
  const ImageContents contents = fetch(*reference, digest, selecting, call, nullptr);
  for (const TrustPolicy* policy : selecting) {
    const FoundSignatures& found = signatures_for(*policy, *reference, contents);
    const WallTime now = explanation.verdict.checked;
    explanation.policies.push_back({policy->spec.name,
                                    examine_signatures(*policy, {*reference, digest}, found, now),
                                    examine_attestations(*policy, digest, found, now)});
  }
  explanation.verdict = judge(std::move(explanation.verdict), *reference, selecting, contents);
  return explanation;
}

Verdict Verifier::refuse_name(std::string_view image, const Error& error) const {
  Verdict verdict;
  verdict.image = escape(image, 256);
  verdict.checked = clock_.now();
  return refused(std::move(verdict),
                 make_error(ErrorCode::kRefused, error.message).because(reason::kImageReferenceInvalid));
}

/// Which policies have a say, and about which digest. False: the verdict is made already.
bool Verifier::prepare(const ImageReference& image, std::span<const TrustPolicy> policies, const Call& call,
                       Verdict& verdict, Policies& selecting) {
  verdict.image = image.to_string();
  verdict.checked = clock_.now();
  auto found = find_policies(policies, [&](const TrustPolicySpec& policy) { return policy.selects(image); });
  if (!found) {
    verdict = refused(std::move(verdict), found.error());
    return false;
  }
  selecting = std::move(*found);
  verdict.digest = image.digest ? image.digest : pinned_digest(selecting, image);
  if (verdict.digest) return true;
  const auto resolved = registry_.resolve_tag(image, call);
  if (resolved) {
    verdict.digest = *resolved;
  } else {
    verdict = refused(std::move(verdict), resolved.error());
  }
  return resolved.has_value();
}

ImageContents Verifier::fetch(const ImageReference& image, const Digest& digest, const Policies& policies,
                              const Call& call, const Predecessor* predecessor) {
  ImageContents contents;
  const Wanted wanted = wanted_by(policies);
  std::vector<std::function<void()>> tasks = {
      [&] { contents.equivalents = find_equivalents(registry_, image, digest, call); }};
  for (const TrustPolicy* policy : policies) {
    const ImageReference& place = place_of_signatures(*policy, image);
    const auto [entry, is_new] = contents.signatures.try_emplace(place.name());
    if (!is_new) continue;
    tasks.emplace_back(
        [&, out = &entry->second] { *out = find_signatures(registry_, place, digest, wanted, call); });
  }
  const bool wants_origin = std::any_of(policies.begin(), policies.end(), [](const TrustPolicy* policy) {
    return policy->spec.freshness.has_value();
  });
  if (wants_origin)
    tasks.emplace_back([&] { contents.origin = fetch_origin(registry_, image, digest, call); });
  const bool is_same = predecessor != nullptr && predecessor->digest == digest;
  if (predecessor != nullptr && !is_same && compares_with_running(policies)) {
    tasks.emplace_back([&] { contents.running = fetch_running(registry_, image, *predecessor, call); });
  }
  run_concurrently(tasks, tasks.size());
  return contents;
}

}  // namespace kintsugi::trust
