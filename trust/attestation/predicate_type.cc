// SPDX-License-Identifier: Apache-2.0
#include "trust/attestation/predicate_type.h"

#include <algorithm>
#include <array>
#include <utility>

namespace kintsugi::trust {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kNames{{
    {"slsaprovenance", kProvenanceV02Predicate},
    {"slsaprovenance02", kProvenanceV02Predicate},
    {"slsaprovenance1", kProvenanceV1Predicate},
    {"vuln", kScanPredicate},
    {"spdx", kSpdxPredicate},
    {"spdxjson", kSpdxPredicate},
    {"cyclonedx", kCycloneDxPredicate},
    {"openvex", kOpenVexPredicate},
    {"link", "https://in-toto.io/Link/v1"},
    {"custom", "https://cosign.sigstore.dev/attestation/v1"},
}};

/// "https://openvex.dev/ns" or that with "/v0.2.0" after it.
bool is_version_of(std::string_view type, std::string_view base) {
  if (!type.starts_with(base)) return false;
  std::string_view version = type.substr(base.size());
  if (version.empty()) return true;
  if (!version.starts_with("/v")) return false;
  version.remove_prefix(2);
  return !version.empty() && version.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

PredicateKind predicate_kind(std::string_view predicate_type) {
  if (predicate_type == kProvenanceV02Predicate) return PredicateKind::kProvenanceV02;
  if (predicate_type == kProvenanceV1Predicate) return PredicateKind::kProvenanceV1;
  if (predicate_type == kScanPredicate) return PredicateKind::kScan;
  if (is_version_of(predicate_type, kSpdxPredicate)) return PredicateKind::kSpdx;
  if (is_version_of(predicate_type, kCycloneDxPredicate)) return PredicateKind::kCycloneDx;
  if (is_version_of(predicate_type, kOpenVexPredicate)) return PredicateKind::kOpenVex;
  return PredicateKind::kOther;
}

std::string_view predicate_type_of_name(std::string_view name) {
  const auto found =
      std::find_if(kNames.begin(), kNames.end(), [&](const auto& one) { return one.first == name; });
  return found == kNames.end() ? std::string_view() : found->second;
}

std::vector<std::string_view> predicate_type_names() {
  std::vector<std::string_view> names;
  for (const auto& [name, uri] : kNames) names.push_back(name);
  return names;
}

}  // namespace kintsugi::trust
