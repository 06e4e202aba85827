// SPDX-License-Identifier: Apache-2.0
//
// TrustPolicy (kintsugi.dev/v1alpha1): which images may run, by whose signature. Reading one is two steps,
// because keys may be elsewhere: parse_trust_policy() is pure, resolve_keys() fetches.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/document.h"
#include "base/result.h"
#include "base/strict_reader.h"
#include "trust/digest.h"
#include "trust/image_reference.h"
#include "trust/public_key.h"

namespace kintsugi::trust {

/// Where a public key is.
struct KeyReference {
  enum class Source : std::uint8_t { kInline, kFile, kConfigMap };
  Source source = Source::kInline;
  std::string text;  ///< the PEM; the path; the ConfigMap's name
  std::string key;   ///< kConfigMap: the entry in it
};

/// Who may sign: whoever holds a key, or (not verified yet) whoever has an identity at an issuer.
struct AuthoritySpec {
  enum class Kind : std::uint8_t { kKey, kKeyless };
  Kind kind = Kind::kKey;
  std::string name;  ///< as given, or "authorities[2]"
  KeyReference key;
  std::string issuer, subject;
};

/// A TrustPolicy as written.
struct TrustPolicySpec {
  std::string name;
  std::vector<ImageGlob> images;
  std::vector<AuthoritySpec> authorities;  ///< any one of them suffices
  std::set<std::string> revoked_keys;      ///< PublicKey::id()
  std::set<Digest> revoked_digests;

  bool selects(const ImageReference& image) const;
};

/// A TrustPolicy that can be applied. A value; copies share the keys.
struct TrustPolicy {
  TrustPolicySpec spec;
  std::vector<PublicKey> keys;       ///< those that count: revoked ones are left out
  std::vector<PublicKey> dead_keys;  ///< the revoked ones, to say so
  std::optional<Error> defect;       ///< set: a key could not be had, and whatever is selected is refused
  std::string hash;  ///< changes when anything changes that a verdict could depend on, keys included
};

/// Reads a document of kind TrustPolicy strictly; what is wrong is added to `problems`, and the value is then
/// not to be used. `metadata` beyond the name, and `status`, are the API server's and passed over.
TrustPolicySpec parse_trust_policy(const Node& document, ProblemList& problems);

/// The value of `key` in the ConfigMap `name`.
using ConfigMapReader = std::function<Result<std::string>(const std::string& name, const std::string& key)>;

/// Reads the keys. Where one cannot be read or is not accepted, the policy has a `defect` (naming policy and
/// authority; UnsupportedKey is a reason): it must still refuse what it selects, or else a broken file would
/// open a door.
TrustPolicy resolve_keys(TrustPolicySpec spec, const ConfigMapReader& config_maps);

}  // namespace kintsugi::trust
