// SPDX-License-Identifier: Apache-2.0
//
// TrustPolicy (kintsugi.dev/v1alpha1): which images may run, by whose signature. Reading one is two steps,
// because keys and roots may be elsewhere: parse_trust_policy() is pure, resolve_references() fetches.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/document.h"
#include "base/result.h"
#include "base/strict_reader.h"
#include "trust/attestation/attestation_rule.h"
#include "trust/crypto/digest.h"
#include "trust/crypto/public_key.h"
#include "trust/oci/image_reference.h"
#include "trust/openpgp/signer_key.h"
#include "trust/policy/file_location.h"
#include "trust/policy/freshness.h"
#include "trust/policy/signed_reference.h"
#include "trust/sigstore/annotations.h"
#include "trust/sigstore/identity.h"
#include "trust/sigstore/trusted_root.h"

namespace kintsugi::trust {

/// Where a public key or a trusted root is.
struct TextReference {
  enum class Source : std::uint8_t { kInline, kFile, kConfigMap, kSecret };
  Source source = Source::kInline;
  std::string text;  ///< the text itself; the path; the object's name
  std::string key;   ///< kConfigMap, kSecret: the entry in it
};

/// Who may sign: whoever holds a key, or one of OpenPGP, whoever an issuer knows by a name, or whom an
/// authority of one's own has given a certificate.
struct AuthoritySpec {
  enum class Kind : std::uint8_t { kKey, kOpenPgp, kKeyless, kCertificate };
  Kind kind = Kind::kKey;
  std::string name;   ///< as given, or "authorities[2]"
  TextReference key;  ///< kKey, kOpenPgp
  IdentityRule identity;
  std::vector<TextReference> trusted_roots;  ///< kKeyless, kCertificate; empty: those of the configuration
  TextReference authority_chain;             ///< kCertificate: PEM, the leaf's issuer first, the anchor last
  Annotations annotations;                   ///< that a signature over an image has to carry
};

/// Holders of certificates who do not count any more.
struct RevokedIdentity {
  std::optional<TextRule> issuer;  ///< nothing: whoever issued it
  TextRule subject;
  std::optional<WallTime> since;  ///< what they provably signed before still counts; nothing: none of it does
};

/// What does not count any more, whoever vouches for it.
struct Revocations {
  std::set<std::string> keys;  ///< PublicKey::id(), openpgp::SignerKey::id()
  std::set<Digest> digests;
  std::vector<RevokedIdentity> identities;
  /// Signatures that were not provably made by then are void.
  std::optional<WallTime> signed_after;
};

/// A digest that a policy vouches for itself: for that day on which tag or registry cannot be relied upon.
struct PinnedDigest {
  ImageReference image;  ///< without digest; its tag means this digest
  Digest digest;
};

/// The same for a file: what is at this place has to be this content.
struct PinnedFile {
  FileLocation location;
  Digest digest;
};

/// A TrustPolicy as written.
struct TrustPolicySpec {
  enum class Quorum : std::uint8_t { kAny, kAll };
  enum class Mode : std::uint8_t {
    kEnforce,
    kWarn,  ///< refuses nothing and accepts nothing: what it would refuse is told
  };

  std::string name;
  /// What it selects: images of registries by the first, files by the second. None of the one selects any of
  /// the other, "**" neither.
  std::vector<ImageGlob> images;
  std::vector<FileGlob> files;
  Mode mode = Mode::kEnforce;
  Quorum quorum = Quorum::kAny;  ///< how many of the authorities have to sign
  std::vector<AuthoritySpec> authorities;
  std::vector<AttestationRule> attestations;  ///< all of them are needed, by any of the authorities
  /// Where signatures and attestations lie, as registry and repository; nothing: beside the image.
  std::optional<ImageReference> signature_repository;
  std::optional<SignedReferenceRule> signed_reference;  ///< nothing: it binds nothing
  std::optional<FreshnessRule> freshness;               ///< nothing: of any age
  std::vector<PinnedDigest> pinned_digests;
  std::vector<PinnedFile> pinned_files;
  Revocations revoked;

  bool selects(const ImageReference& image) const;
  /// The digest that it pins this name and tag to.
  std::optional<Digest> pinned_digest(const ImageReference& image) const;
  /// Whether it pins this content, under any tag of this name.
  bool pins(const ImageReference& image, const Digest& digest) const;

  bool selects(const FileLocation& location) const;
  std::optional<Digest> pinned_digest(const FileLocation& location) const;
  bool pins(const FileLocation& location, const Digest& digest) const;
};

using TrustedRoots = std::shared_ptr<const std::vector<TrustedRoot>>;

/// An authority that can be asked: the holder of a key, or of one of OpenPGP, or whoever has an identity by
/// certificates of these roots or of an authority of one's own. A value; copies share key and roots.
struct Authority {
  std::string name;
  std::optional<PublicKey> key;
  std::optional<openpgp::SignerKey> openpgp;  ///< signs lists of checksums, and nothing else
  bool is_key_revoked = false;
  IdentityRule identity;                  ///< without a key of either kind
  TrustedRoots roots;                     ///< without a key of either kind; then never null
  std::vector<CertificateAuthority> own;  ///< empty: the roots' authorities
  Annotations annotations;                ///< that a signature over an image has to carry
  std::string hash;                       ///< changes with the text of roots, own authority, OpenPGP key
};

/// A TrustPolicy that can be applied. A value; copies share keys and roots.
struct TrustPolicy {
  TrustPolicySpec spec;
  std::vector<Authority> authorities;  ///< in the order of the spec's; fewer where there is a defect
  std::optional<Error> defect;  ///< set: a reference could not be had, and whatever is selected is refused
  std::string
      hash;  ///< changes when anything changes that a verdict could depend on, keys and roots included
};

/// Reads a document of kind TrustPolicy strictly; what is wrong is added to `problems`, and the value is then
/// not to be used. `metadata` beyond the name, and `status`, are the API server's and passed over.
TrustPolicySpec parse_trust_policy(const Node& document, ProblemList& problems);

/// The text behind a reference to a ConfigMap or a Secret.
using ObjectTextReader = std::function<Result<std::string>(const TextReference&)>;

/// Trusted roots, and what changes with the text that they were read from.
struct RootSet {
  TrustedRoots roots = std::make_shared<const std::vector<TrustedRoot>>();
  std::string hash;
};

/// Reads files of trusted roots, in their order. Error: of the first that cannot be used, naming it.
Result<RootSet> read_trusted_roots(const std::vector<std::string>& paths);

/// Reads keys and trusted roots. Where one cannot be read or is not accepted, the policy has a `defect`
/// (naming policy and authority; UnsupportedKey is a reason): it must still refuse what it selects, or else a
/// broken file would open a door. `default_roots` are for keyless authorities that name none.
TrustPolicy resolve_references(TrustPolicySpec spec, const ObjectTextReader& objects,
                               const RootSet& default_roots = {});

}  // namespace kintsugi::trust
