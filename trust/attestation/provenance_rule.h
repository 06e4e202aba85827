// SPDX-License-Identifier: Apache-2.0
//
// How an image was built: SLSA provenance v0.2 and v1 (slsa.dev/spec).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/strict_reader.h"
#include "trust/attestation/predicate_type.h"
#include "trust/sigstore/text_rule.h"

namespace kintsugi::trust {

/// Something that has to be among what the build used.
struct MaterialRule {
  std::optional<TextRule> uri;
  std::string algorithm;  ///< of the digest: "sha256", "gitCommit"; empty: any digest
  std::string digest;     ///< hex digits
};

struct ProvenanceRule {
  std::optional<TextRule> builder;
  /// v0.2: `invocation.configSource.uri`. v1 has no field for it; of the external parameters these are known:
  /// `source` (a text or an object with `uri`), `configSource.uri`, and `workflow` and `buildConfigSource`
  /// with `repository` and `ref`, which become "git+repository@ref". Each that is there has to fit.
  std::optional<TextRule> source;
  std::optional<TextRule> build_type;
  std::vector<MaterialRule> materials;  ///< each by one of `materials`, v1: `resolvedDependencies`
};

ProvenanceRule read_provenance_rule(const Node& node, const std::string& path, ProblemList& problems);

/// Errors, kRefused: AttestationMalformed, AttestationRefused.
Result<void> check_provenance(const ProvenanceRule& rule, PredicateKind kind, const Node& predicate);

std::string fingerprint(const ProvenanceRule& rule);

}  // namespace kintsugi::trust
