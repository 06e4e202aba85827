// SPDX-License-Identifier: Apache-2.0
//
// ClusterImagePolicies of Sigstore's policy-controller (policy.sigstore.dev v1alpha1 and v1beta1, as of
// v0.13) as TrustPolicies. docs/trust.md, "Coming from policy-controller", says what becomes of each field.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "base/document.h"
#include "base/result.h"
#include "trust/import/import_remark.h"

namespace kintsugi::trust {

inline constexpr std::size_t kMaxImportedDocuments = 100;
inline constexpr std::size_t kMaxImportedGlobs = 1024;

struct ImportedPolicies {
  std::vector<nlohmann::json> documents;  ///< TrustPolicies, in the order of their originals
  std::vector<ImportRemark> remarks;      ///< by object: what is no policy, then the policies

  /// Whether all remarks are notes.
  bool is_complete() const;
};

/// Carries policies over. What is written accepts nothing that the originals together refused: a policy that
/// would is left out, and as several policies that select an image all have to accept it, so is each whose
/// images one that is left out may select as well. Whatever does not carry over has a remark, also unknown
/// fields. `documents` are ClusterImagePolicies and lists of them (`kubectl get … -o yaml`); others are named
/// as left out.
///
/// Errors: kTooLarge for more than 100 documents or 1,024 globs, counted before anything is read; kInternal
/// where a result is not accepted by parse_trust_policy(), which is a bug.
Result<ImportedPolicies> import_cluster_image_policies(const std::vector<Node>& documents);

}  // namespace kintsugi::trust
