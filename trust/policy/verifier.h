// SPDX-License-Identifier: Apache-2.0
//
// The question that everything else in this folder serves: may this image run?
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "trust/oci/image_reference.h"
#include "trust/policy/policy_evaluation.h"
#include "trust/policy/trust_policy.h"
#include "trust/policy/verdict.h"
#include "trust/policy/verdict_cache.h"
#include "trust/registry/registry_client.h"

namespace kintsugi::trust {

/// Thread-safe; calls block until their deadline at most. Reads from registries, asks nobody else.
/// All that verification came upon, for people who ask why.
struct Explanation {
  struct OfPolicy {
    std::string policy;
    std::vector<SignatureFinding> findings;
  };
  Verdict verdict;
  std::vector<OfPolicy> policies;  ///< those that select the image; empty where it could not be resolved
};

class Verifier {
 public:
  /// All must outlive this object.
  Verifier(RegistryClient& registry, VerdictCache& cache, const Clock& clock);

  /// Accepted when at least one policy selects the image, and each that does has one good signature by one of
  /// its authorities (or by all, where it says so) over exactly the digest that the reference names, or its
  /// tag is pinned to, or points to now; or pins that digest itself. Policies in mode warn only add to
  /// Verdict::warnings. Whatever goes wrong is a refusal with its reason; `retryable` tells a registry in
  /// trouble from an image that is not trusted.
  ///
  /// Takes at most four round trips that wait for each other, after log-in: tag; signature manifest,
  /// referrers and index; payload, bundle manifests and platform manifests; bundles. A tag is resolved anew
  /// each time; what is known of its digest comes from the cache. No network is touched for an image that no
  /// policy selects.
  Verdict verify(const ImageReference& image, std::span<const TrustPolicy> policies, const Call& call);
  /// The same for text as it stands in a pod.
  Verdict verify(std::string_view image, std::span<const TrustPolicy> policies, const Call& call);
  /// The verdict, made anew, with what every policy that selects the image makes of each signature.
  Explanation explain(std::string_view image, std::span<const TrustPolicy> policies, const Call& call);

 private:
  using Policies = std::vector<const TrustPolicy*>;
  /// What a registry holds of an image.
  struct Contents {
    FoundSignatures signatures;
    Result<std::set<Digest>> equivalents;
  };

  Verdict refuse_name(std::string_view image, const Error& error) const;
  bool prepare(const ImageReference& image, std::span<const TrustPolicy> policies, const Call& call,
               Verdict& verdict, Policies& selecting);
  Contents fetch(const ImageReference& image, const Digest& digest, const Policies& policies,
                 const Call& call);
  static Verdict judge(Verdict verdict, const ImageReference& image, const Policies& policies,
                       const Contents& contents);

  RegistryClient& registry_;
  VerdictCache& cache_;
  const Clock& clock_;
};

}  // namespace kintsugi::trust
