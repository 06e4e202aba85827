// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "trust/crypto/digest.h"

namespace kintsugi::trust {

/// Why a policy was content: who signed, as far as it has been verified, and what they claimed.
struct Proof {
  std::string policy;
  std::string authority;  ///< its name in the policy; "pinnedDigests" where the policy itself vouches
  /// The key that signed: "sha256:…" over its SubjectPublicKeyInfo. That of a keyless signature was made for
  /// this one signature.
  std::string key_id;
  std::string issuer, subject;    ///< by certificate: who it was; escaped; own authorities have no issuer
  std::vector<WallTime> times;    ///< keyless: when it was signed, as witnesses say
  std::vector<std::string> logs;  ///< keyless: "https://rekor.sigstore.dev 1234", where it was logged
  std::string docker_reference;   ///< as signed; a claim, not compared; escaped

  /// "sha256:…", or "subject (issuer)", or "subject"; empty where nobody signed.
  std::string signer() const;
  bool operator==(const Proof&) const = default;
};

/// An attestation that a rule of a policy was content with.
struct AttestationProof {
  std::string rule;            ///< its name
  std::string predicate_type;  ///< escaped
  Proof signer;

  bool operator==(const AttestationProof&) const = default;
};

/// What was found out about an image: who vouches for it by which rule, or why it is refused. A value.
struct Verdict {
  bool accepted = false;
  std::string image;             ///< as asked, normalised
  std::optional<Digest> digest;  ///< once it is known; what to pin to
  std::string reason;            ///< of reasons.h: "Verified", or why not
  std::string message;           ///< one line for people, safe to show
  std::string policy;            ///< refused: by which; accepted: all that had a say, joined by ", "
  std::vector<Proof> proofs;     ///< accepted: of each matching policy, as many as it asks for
  std::vector<AttestationProof> attestations;  ///< accepted: one of each rule of these policies
  /// Accepted: the digests under which a runtime may report this content (index, platform manifests,
  /// configs).
  std::set<Digest> equivalents;
  /// Accepted: what policies in mode warn would have refused it for; safe to show.
  std::vector<std::string> warnings;
  WallTime checked{};  ///< when the registry was asked: older than now where it came from the cache
  /// Refused because the registry could not be asked: this is no judgement of the image, ask again.
  bool retryable = false;
  std::optional<std::chrono::milliseconds> retry_after;

  /// Is a container that reports this `imageID` running what was accepted?
  bool covers_image_id(std::string_view image_id) const;
};

/// The verdict as a refusal because of an error, most of them the registry's.
Verdict refused(Verdict verdict, const Error& error);

/// As `kintsugi trust verify -o json` shows them; the members are promised in docs/trust.md.
nlohmann::json to_json(const Proof& proof);
nlohmann::json to_json(const AttestationProof& proof);
nlohmann::json to_json(const Verdict& verdict);

}  // namespace kintsugi::trust
