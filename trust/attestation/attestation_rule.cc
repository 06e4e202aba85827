// SPDX-License-Identifier: Apache-2.0
#include "trust/attestation/attestation_rule.h"

#include <fmt/format.h>

#include "base/escape.h"
#include "trust/attestation/predicate.h"
#include "trust/attestation/refusal.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxShownBytes = 256;

Result<void> check_form(PredicateKind kind, const Node& predicate) {
  if (kind == PredicateKind::kOther) return {};
  if (predicate.kind != Node::Kind::kObject) {
    return malformed_attestation("predicate",
                                 fmt::format("is {}, expected object", kind_name(predicate.kind)));
  }
  if (kind == PredicateKind::kSpdx) {
    const std::string* const version = text_at(predicate, "spdxVersion");
    if (version == nullptr || !version->starts_with("SPDX-"))
      return malformed_attestation("predicate.spdxVersion", "is not a version of SPDX");
  }
  if (kind == PredicateKind::kCycloneDx) {
    const std::string* const format = text_at(predicate, "bomFormat");
    if (format == nullptr || *format != "CycloneDX")
      return malformed_attestation("predicate.bomFormat", "is not 'CycloneDX'");
  }
  return {};
}

Result<void> check_conditions(const AttestationRule& rule, const Statement& statement, const Node& predicate,
                              WallTime now) {
  const Bindings bindings{predicate, statement.predicate_type, statement.subject, now};
  for (const Condition& condition : rule.conditions) {
    const auto value = condition.evaluate(bindings);
    if (value && *value) continue;
    const std::string shown = escape(condition.text(), kMaxShownBytes);
    if (value) return refused_attestation(fmt::format("the condition \"{}\" is not met", shown));
    return refused_attestation(
        fmt::format("the condition \"{}\" has no value: {}", shown, value.error().message));
  }
  return {};
}

}  // namespace

bool AttestationRule::is_for(const std::string& type) const {
  if (type == predicate_type) return true;
  return predicate_type == kOpenVexPredicate && predicate_kind(type) == PredicateKind::kOpenVex;
}

Result<void> evaluate(const AttestationRule& rule, const Statement& statement, WallTime now,
                      const std::set<std::string>& exceptions) {
  if (!rule.is_for(statement.predicate_type)) {
    return refused_attestation(fmt::format("predicateType is \"{}\", expected \"{}\"",
                                           escape(statement.predicate_type, kMaxShownBytes),
                                           escape(rule.predicate_type, kMaxShownBytes)));
  }
  const auto predicate = Predicate::of(statement);
  if (!predicate) return fail(predicate.error());
  const PredicateKind kind = predicate_kind(statement.predicate_type);
  if (auto good = check_form(kind, predicate->node()); !good) return good;
  if (rule.provenance) {
    if (auto good = check_provenance(*rule.provenance, kind, predicate->node()); !good) return good;
  }
  if (rule.vulnerabilities) {
    auto good = check_vulnerabilities(*rule.vulnerabilities, predicate->node(), now, exceptions);
    if (!good) return good;
  }
  return check_conditions(rule, statement, predicate->node(), now);
}

std::string fingerprint(const AttestationRule& rule) {
  std::string text = "attestation\n" + fingerprint_part("name", rule.name);
  text += fingerprint_part("type", rule.predicate_type);
  if (rule.provenance) text += fingerprint(*rule.provenance);
  if (rule.vulnerabilities) text += fingerprint(*rule.vulnerabilities);
  for (const Condition& condition : rule.conditions) text += fingerprint_part("condition", condition.text());
  return text;
}

}  // namespace kintsugi::trust
