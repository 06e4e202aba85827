// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trust/crypto/public_key.h"
#include "trust/sigstore/blob_signature.h"
#include "trust/sigstore/identity.h"
#include "trust/sigstore/trusted_root.h"

namespace kintsugi::trust::testing {

/// What a bundle is judged by.
struct ConformanceCase {
  Artifact artifact;
  std::vector<TrustedRoot> roots;
  std::optional<PublicKey> key;  ///< nothing: by the identity
  IdentityRule identity;

  /// Whether the artifact is verified by this bundle, or why not.
  Result<BlobSigner> verify(std::string_view bundle) const;
};

/// A folder of trust/testdata with a cases.json and what it names.
class ConformanceTable {
 public:
  /// `directory` has the folder; a missing file is an exception.
  explicit ConformanceTable(std::string directory);

  const nlohmann::json& rows() const { return rows_; }
  /// The first row of that name, which has to be there.
  const nlohmann::json& row(const std::string& name) const;
  std::string bundle_of(const nlohmann::json& row) const;
  /// Error: the row's key, digest or root is one that is refused by itself.
  Result<ConformanceCase> prepare(const nlohmann::json& row) const;

 private:
  std::string text_of(const nlohmann::json& row, const char* key) const;
  Result<Artifact> artifact_of(const nlohmann::json& row) const;

  const std::string directory_;
  const nlohmann::json rows_;
};

}  // namespace kintsugi::trust::testing
