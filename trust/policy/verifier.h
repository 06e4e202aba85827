// SPDX-License-Identifier: Apache-2.0
//
// The question that everything else in this folder serves: may this image run?
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "trust/oci/image_reference.h"
#include "trust/policy/attestation_evaluation.h"
#include "trust/policy/image_evaluation.h"
#include "trust/policy/policy_evaluation.h"
#include "trust/policy/trust_policy.h"
#include "trust/policy/verdict.h"
#include "trust/policy/verdict_cache.h"
#include "trust/registry/registry_client.h"

namespace kintsugi::trust {

/// What ran in the place that an image is to take.
struct Predecessor {
  std::optional<Digest> digest;  ///< nothing: it is not known
};

/// All that verification came upon, for people who ask why.
struct Explanation {
  struct OfPolicy {
    std::string policy;
    std::vector<SignatureFinding> signatures;
    std::vector<AttestationFinding> attestations;  ///< looked for where a policy asks for some
  };
  Verdict verdict;
  std::vector<OfPolicy> policies;  ///< those that select the image; empty where it could not be resolved
};

/// Thread-safe; calls block until their deadline at most. Reads from registries, asks nobody else.
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
  /// policy selects. `predecessor` is what policies may compare its age with; null: there is none.
  Verdict verify(const ImageReference& image, std::span<const TrustPolicy> policies, const Call& call,
                 const Predecessor* predecessor = nullptr);
  /// The same for text as it stands in a pod.
  Verdict verify(std::string_view image, std::span<const TrustPolicy> policies, const Call& call,
                 const Predecessor* predecessor = nullptr);
  /// The verdict, made anew, with what every policy that selects the image makes of each signature and each
  /// attestation.
  Explanation explain(std::string_view image, std::span<const TrustPolicy> policies, const Call& call);

 private:
  Verdict refuse_name(std::string_view image, const Error& error) const;
  bool prepare(const ImageReference& image, std::span<const TrustPolicy> policies, const Call& call,
               Verdict& verdict, Policies& selecting);
  ImageContents fetch(const ImageReference& image, const Digest& digest, const Policies& policies,
                      const Call& call, const Predecessor* predecessor);

  RegistryClient& registry_;
  VerdictCache& cache_;
  const Clock& clock_;
};

}  // namespace kintsugi::trust
