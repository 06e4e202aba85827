// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/attestation_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/escape.h"
#include "trust/attestation/attestation_rule.h"
#include "trust/attestation/predicate_type.h"
#include "trust/attestation/vex.h"
#include "trust/crypto/reasons.h"
#include "trust/policy/authority_evaluation.h"
#include "trust/sigstore/statement.h"

namespace kintsugi::trust {
namespace {

constexpr std::string_view kVexPrefix = "https://openvex.dev/ns";

std::string shown_type(const std::string& predicate_type) {
  return escape(predicate_type, 200);
}

/// A statement whose signature counts.
struct SignedStatement {
  Statement statement;
  Proof signer;
};

/// An attestation as it was found, and what it says or why it does not count.
struct JudgedStatement {
  std::string place;
  Result<SignedStatement> result;
};
using JudgedStatements = std::vector<JudgedStatement>;

Result<SignedStatement> verify_statement(const TrustPolicy& policy, const Digest& image,
                                         const FoundSignature& found, WallTime now) {
  if (!found.signature) return fail(found.signature.error());
  auto signer = prove_by_any(policy.authorities, [&](const Authority& authority) {
    return prove_signer(policy, authority, *found.signature, now);
  });
  if (!signer) return fail(std::move(signer).error());
  auto statement = parse_statement(*found.signature->envelope);
  if (!statement) return fail(std::move(statement).error());
  if (!statement->is_about(image)) {
    return fail(make_error(ErrorCode::kRefused, "the attestation is not about this image")
                    .because(reason::kDigestNotSigned));
  }
  return SignedStatement{std::move(*statement), std::move(*signer)};
}

JudgedStatements verify_statements(const TrustPolicy& policy, const Digest& image,
                                   const FoundSignatures& found, WallTime now) {
  JudgedStatements judged;
  for (const FoundSignature& one : found.attestations)
    judged.push_back({one.place, verify_statement(policy, image, one, now)});
  return judged;
}

/// What signed VEX documents except; one that cannot be read excepts nothing.
std::set<std::string> exceptions_of(const JudgedStatements& statements, const Digest& image) {
  std::set<std::string> exceptions;
  for (const JudgedStatement& one : statements) {
    if (!one.result || !one.result->statement.predicate_type.starts_with(kVexPrefix)) continue;
    auto excepted = vex_exceptions(one.result->statement, image);
    if (excepted) exceptions.merge(*excepted);
  }
  return exceptions;
}

/// The last of those that do not count is told, too: it may be the one that was meant.
Error missing(const AttestationRule& rule, const JudgedStatements& statements) {
  std::string message = fmt::format("no attestation of type {} by any of the policy's authorities",
                                    shown_type(rule.predicate_type));
  const auto obstacle = std::find_if(statements.rbegin(), statements.rend(),
                                     [](const JudgedStatement& one) { return !one.result; });
  if (obstacle != statements.rend())
    message += fmt::format("; {}: {}", obstacle->place, obstacle->result.error().message);
  const PredicateKind kind = predicate_kind(rule.predicate_type);
  if (kind == PredicateKind::kSpdx || kind == PredicateKind::kCycloneDx)
    message +=
        "; an SBOM at the tag sha256-<hex>.sbom does not count, because no signature ties it to the image";
  return make_error(ErrorCode::kRefused, std::move(message)).because(reason::kAttestationMissing);
}

Result<AttestationProof> evaluate_rule(const AttestationRule& rule, const JudgedStatements& statements,
                                       WallTime now, const std::set<std::string>& exceptions) {
  std::optional<Error> refusal;
  for (const auto& [place, result] : statements) {
    if (!result || !rule.is_for(result->statement.predicate_type)) continue;
    auto content = evaluate(rule, result->statement, now, exceptions);
    if (content)
      return AttestationProof{rule.name, shown_type(result->statement.predicate_type), result->signer};
    refusal = std::move(content).error();
    refusal->message = fmt::format("{}, {}: {}", escape(rule.name, 64), place, refusal->message);
  }
  return fail(refusal ? std::move(*refusal) : missing(rule, statements));
}

AttestationFinding examine(const TrustPolicy& policy, const JudgedStatement& judged, WallTime now,
                           const std::set<std::string>& exceptions) {
  if (!judged.result) return {judged.place, "", fail(judged.result.error()), {}};
  const auto& [statement, signer] = *judged.result;
  AttestationFinding finding{judged.place, shown_type(statement.predicate_type), signer, {}};
  for (const AttestationRule& rule : policy.spec.attestations) {
    if (rule.is_for(statement.predicate_type))
      finding.rules.push_back({escape(rule.name, 64), evaluate(rule, statement, now, exceptions)});
  }
  return finding;
}

}  // namespace

Result<std::vector<AttestationProof>> evaluate_attestations(const TrustPolicy& policy, const Digest& image,
                                                            const FoundSignatures& found, WallTime now) {
  std::vector<AttestationProof> proofs;
  if (policy.spec.attestations.empty()) return proofs;
  const JudgedStatements statements = verify_statements(policy, image, found, now);
  const std::set<std::string> exceptions = exceptions_of(statements, image);
  for (const AttestationRule& rule : policy.spec.attestations) {
    auto proof = evaluate_rule(rule, statements, now, exceptions);
    if (!proof) return fail(found.trouble ? *found.trouble : std::move(proof).error());
    proofs.push_back(std::move(*proof));
  }
  return proofs;
}

std::vector<AttestationFinding> examine_attestations(const TrustPolicy& policy, const Digest& image,
                                                     const FoundSignatures& found, WallTime now) {
  const JudgedStatements statements = verify_statements(policy, image, found, now);
  const std::set<std::string> exceptions = exceptions_of(statements, image);
  std::vector<AttestationFinding> findings;
  for (const JudgedStatement& one : statements) findings.push_back(examine(policy, one, now, exceptions));
  return findings;
}

}  // namespace kintsugi::trust
