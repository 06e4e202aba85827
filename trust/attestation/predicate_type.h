// SPDX-License-Identifier: Apache-2.0
//
// The kinds of attestations whose content is understood.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kintsugi::trust {

inline constexpr char kProvenanceV02Predicate[] = "https://slsa.dev/provenance/v0.2";
inline constexpr char kProvenanceV1Predicate[] = "https://slsa.dev/provenance/v1";
inline constexpr char kScanPredicate[] = "https://cosign.sigstore.dev/attestation/vuln/v1";
inline constexpr char kSpdxPredicate[] = "https://spdx.dev/Document";
inline constexpr char kCycloneDxPredicate[] = "https://cyclonedx.org/bom";
inline constexpr char kOpenVexPredicate[] = "https://openvex.dev/ns";

enum class PredicateKind : std::uint8_t {
  kOther,
  kProvenanceV02,
  kProvenanceV1,
  kScan,
  kSpdx,
  kCycloneDx,
  kOpenVex
};

/// The kind of a predicate type. SPDX, CycloneDX and OpenVEX have versioned URIs, too, as in
/// "https://openvex.dev/ns/v0.2.0".
PredicateKind predicate_kind(std::string_view predicate_type);

/// The URI for a name that `cosign attest --type` has ("slsaprovenance1"); empty for another word.
std::string_view predicate_type_of_name(std::string_view name);
/// Those names.
std::vector<std::string_view> predicate_type_names();

}  // namespace kintsugi::trust
