// SPDX-License-Identifier: Apache-2.0
//
// The question that everything else in this folder serves: may this image run?
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "trust/image_reference.h"
#include "trust/registry_client.h"
#include "trust/trust_policy.h"
#include "trust/verdict.h"
#include "trust/verdict_cache.h"

namespace kintsugi::trust {

/// Thread-safe; calls block until their deadline at most. Reads from registries, asks nobody else.
class Verifier {
 public:
  /// All must outlive this object.
  Verifier(RegistryClient& registry, VerdictCache& cache, const Clock& clock);

  /// Accepted when at least one policy selects the image, and each that does has one good signature by one of
  /// its keys over exactly the digest that the reference names or its tag points to now. Whatever goes wrong
  /// is a refusal with its reason; `retryable` tells a registry in trouble from an image that is not trusted.
  ///
  /// Takes at most four round trips that wait for each other, after log-in: tag, signature manifest, payload,
  /// and on the other branch tag, index, platform manifests. A tag is resolved anew each time; what is known
  /// of its digest comes from the cache. No network is touched for an image that no policy selects.
  Verdict verify(const ImageReference& image, std::span<const TrustPolicy> policies, const Call& call);
  /// The same for text as it stands in a pod.
  Verdict verify(std::string_view image, std::span<const TrustPolicy> policies, const Call& call);

 private:
  using Policies = std::vector<const TrustPolicy*>;

  Verdict judge(const ImageReference& image, const Digest& digest, const Policies& policies,
                const Call& call);
  Verdict complete(Verdict verdict, const ImageReference& image, const Policies& policies, const Call& call);

  RegistryClient& registry_;
  VerdictCache& cache_;
  const Clock& clock_;
};

}  // namespace kintsugi::trust
