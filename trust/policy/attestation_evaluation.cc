// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/attestation_evaluation.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/escape.h"
#include "trust/attestation/attestation_rule.h"
#include "trust/attestation/vex.h"
#include "trust/crypto/reasons.h"
#include "trust/policy/authority_evaluation.h"
#include "trust/sigstore/statement.h"

namespace kintsugi::trust {
namespace {

constexpr std::string_view kVexPrefix = "https://openvex.dev/ns";

/// A statement whose signature counts.
struct SignedStatement {
  std::string place;
  Statement statement;
  Proof signer;
};

/// What was found, sorted by whether it counts.
struct Statements {
  std::vector<SignedStatement> good;
  std::optional<Error> obstacle;  ///< why the last of the others does not
};

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
  return SignedStatement{found.place, std::move(*statement), std::move(*signer)};
}

Statements verify_statements(const TrustPolicy& policy, const Digest& image, const FoundSignatures& found,
                             WallTime now) {
  Statements out;
  for (const FoundSignature& one : found.attestations) {
    auto verified = verify_statement(policy, image, one, now);
    if (verified) {
      out.good.push_back(std::move(*verified));
    } else {
      out.obstacle = std::move(verified).error();
      out.obstacle->message = fmt::format("{}: {}", one.place, out.obstacle->message);
    }
  }
  return out;
}

/// What signed VEX documents except; one that cannot be read excepts nothing.
std::set<std::string> exceptions_of(const Statements& statements, const Digest& image) {
  std::set<std::string> exceptions;
  for (const SignedStatement& one : statements.good) {
    if (!one.statement.predicate_type.starts_with(kVexPrefix)) continue;
    auto excepted = vex_exceptions(one.statement, image);
    if (excepted) exceptions.merge(*excepted);
  }
  return exceptions;
}

Error missing(const AttestationRule& rule, const Statements& statements) {
  std::string message = fmt::format("no attestation of type {} by any of the policy's authorities",
                                    escape(rule.predicate_type, 200));
  if (statements.obstacle) message += "; " + statements.obstacle->message;
  return make_error(ErrorCode::kRefused, std::move(message)).because(reason::kAttestationMissing);
}

Result<AttestationProof> evaluate_rule(const AttestationRule& rule, const Statements& statements,
                                       WallTime now, const std::set<std::string>& exceptions) {
  std::optional<Error> refusal;
  for (const SignedStatement& one : statements.good) {
    if (!rule.is_for(one.statement.predicate_type)) continue;
    auto content = evaluate(rule, one.statement, now, exceptions);
    if (content) return AttestationProof{rule.name, escape(one.statement.predicate_type, 200), one.signer};
    refusal = std::move(content).error();
    refusal->message = fmt::format("{}, {}: {}", escape(rule.name, 64), one.place, refusal->message);
  }
  return fail(refusal ? std::move(*refusal) : missing(rule, statements));
}

}  // namespace

Result<std::vector<AttestationProof>> evaluate_attestations(const TrustPolicy& policy, const Digest& image,
                                                            const FoundSignatures& found, WallTime now) {
  std::vector<AttestationProof> proofs;
  if (policy.spec.attestations.empty()) return proofs;
  const Statements statements = verify_statements(policy, image, found, now);
  const std::set<std::string> exceptions = exceptions_of(statements, image);
  for (const AttestationRule& rule : policy.spec.attestations) {
    auto proof = evaluate_rule(rule, statements, now, exceptions);
    if (!proof) return fail(found.trouble ? *found.trouble : std::move(proof).error());
    proofs.push_back(std::move(*proof));
  }
  return proofs;
}

}  // namespace kintsugi::trust
