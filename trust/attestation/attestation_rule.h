// SPDX-License-Identifier: Apache-2.0
//
// What a policy asks of an image's attestations. Who signed one is none of this folder's business: statements
// come verified.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/strict_reader.h"
#include "base/time.h"
#include "trust/attestation/condition.h"
#include "trust/attestation/provenance_rule.h"
#include "trust/attestation/vulnerability_rule.h"
#include "trust/sigstore/statement.h"

namespace kintsugi::trust {

/// An attestation that an image needs. Without anything further it asks for its presence, and where the kind
/// is known that it is of that form.
struct AttestationRule {
  std::string name;            ///< as given, or "attestations[2]"
  std::string predicate_type;  ///< the URI, also where a short name was given
  std::optional<ProvenanceRule> provenance;
  std::optional<VulnerabilityRule> vulnerabilities;
  std::vector<Condition> conditions;

  /// Whether the rule is about statements of this type. One for OpenVEX without a version is about all
  /// versions, as real documents have one.
  bool is_for(const std::string& type) const;
};

/// Reads one entry of `attestations` strictly; what is wrong is added to `problems`, and the value is then
/// not to be used.
AttestationRule read_attestation_rule(const Node& node, const std::string& path, ProblemList& problems);

/// Success when the statement is what the rule asks for. `exceptions` are vulnerabilities that do not count,
/// beside those of the rule (vex_exceptions()). Errors, all kRefused: AttestationMalformed where the
/// predicate is not of its kind's form, AttestationTooOld, AttestationRefused with the field, what was
/// expected and what is there.
Result<void> evaluate(const AttestationRule& rule, const Statement& statement, WallTime now,
                      const std::set<std::string>& exceptions);

/// A text that changes when anything changes that evaluate() depends on.
std::string fingerprint(const AttestationRule& rule);

}  // namespace kintsugi::trust
