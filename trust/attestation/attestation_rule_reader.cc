// SPDX-License-Identifier: Apache-2.0
//
// Reading of an AttestationRule from a policy.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/escape.h"
#include "trust/attestation/attestation_rule.h"

namespace kintsugi::trust {
namespace {

constexpr TextLimits kConditionLimits{.max_bytes = kMaxConditionBytes, .max_count = 32};

/// "https://slsa.dev/provenance/v1": a scheme, and no white space.
bool is_uri(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == 0 || colon == std::string_view::npos || colon + 1 == text.size()) return false;
  const auto is_scheme = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  };
  return std::all_of(text.begin(), text.begin() + std::ptrdiff_t(colon), is_scheme) &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != '\x7F'; });
}

void read_predicate_type(ObjectReader& reader, AttestationRule& out) {
  if (!reader.string("predicateType", out.predicate_type, Presence::kRequired)) return;
  if (const std::string_view uri = predicate_type_of_name(out.predicate_type); !uri.empty()) {
    out.predicate_type = uri;
  } else if (!is_uri(out.predicate_type)) {
    std::string suggestion = suggest(out.predicate_type, predicate_type_names());
    if (suggestion.empty()) suggestion = "write it like https://slsa.dev/provenance/v1";
    reader.report(
        "predicateType",
        fmt::format("neither a URI nor a name that cosign has: '{}'", escape(out.predicate_type, 64)),
        std::move(suggestion));
  }
}

void read_conditions(ObjectReader& reader, AttestationRule& out) {
  std::vector<std::string> texts;
  if (!reader.strings("conditions", texts, Presence::kOptional, kConditionLimits)) return;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto condition = Condition::parse(texts[i]);
    if (condition) {
      out.conditions.push_back(std::move(*condition));
    } else {
      reader.report("conditions", fmt::format("condition {}: {}", i + 1, condition.error().message));
    }
  }
}

}  // namespace

AttestationRule read_attestation_rule(const Node& node, const std::string& path, ProblemList& problems) {
  AttestationRule out;
  ObjectReader reader(node, path, {"name", "predicateType", "provenance", "vulnerabilities", "conditions"},
                      problems);
  out.name = path.substr(path.rfind('.') + 1);
  reader.string("name", out.name, Presence::kOptional, {.max_bytes = 63});
  read_predicate_type(reader, out);
  const PredicateKind kind = predicate_kind(out.predicate_type);
  if (const Node* provenance = reader.object("provenance")) {
    if (kind != PredicateKind::kProvenanceV02 && kind != PredicateKind::kProvenanceV1)
      reader.report("provenance", "only with the predicateType slsaprovenance02 or slsaprovenance1");
    out.provenance = read_provenance_rule(*provenance, reader.path_of("provenance"), problems);
  }
  if (const Node* vulnerabilities = reader.object("vulnerabilities")) {
    if (kind != PredicateKind::kScan) reader.report("vulnerabilities", "only with the predicateType vuln");
    out.vulnerabilities =
        read_vulnerability_rule(*vulnerabilities, reader.path_of("vulnerabilities"), problems);
  }
  read_conditions(reader, out);
  return out;
}

}  // namespace kintsugi::trust
